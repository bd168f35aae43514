import { spread, table } from '../markdown.ts'
import type { FarResults } from './results.ts'
import { isMet, type Target, targets } from './targets.ts'

/** The page docs/benchmarks-far.md. It is made from the results and nothing else; a test compares the two. */
export function page(results: FarResults): string {
  const { stampede } = results
  return `${[
    '# What a hit in Redis costs',
    'Generated from `benchmarks/results/far.json` by `pnpm --filter @holdfast/benchmarks run load`; do not edit. How it is measured: [benchmarks/method.md](../benchmarks/method.md).',
    `Measured on ${results.date}, Node ${results.node}, ${results.machine}, over loopback to ${results.server}, which shares the cores; ${results.rounds} rounds, each candidate in a process of its own. Ratios are formed inside a round; the tables show their median, least and most. More is better for throughput. Figures compare only within this page.`,
    '## Targets',
    table(
      ['', 'target', 'measured', ''],
      targets.map((target) => {
        const value = target.measured(results)
        return [
          target.what,
          bound(target),
          `${amount(value)} ${target.unit}`,
          isMet(target, value) ? 'met' : '**missed**',
        ]
      }),
    ),
    '## A hit in Redis, nothing in memory',
    'Throughput over plain ioredis `get` with as many in flight; in brackets least and most, then the CPU time of the client per call in microseconds. "Apart": each call begins in an event-loop callback of its own, as requests on separate sockets do.',
    table(
      ['', ...results.modes.map(({ name }) => name)],
      results.hits.map((row) => [
        row.what,
        ...row.figures.map(({ ratio, cpuUs }) => `${spread(ratio)}, ${cpuUs.toFixed(1)} µs`),
      ]),
    ),
    '## A hit in memory, with Redis behind it',
    `CPU time of one awaited hit. With Redis behind it, it takes ${spread(results.nearRatio)} × one without.`,
    table(
      ['', 'ns'],
      results.near.map((row) => [row.what, row.ns.toFixed(0)]),
    ),
    '## A stampede over processes',
    `${stampede.processes} processes with ${stampede.callersEach} callers each ask at once for a key that nobody has; its load takes ${stampede.loadMs} ms. ${stampede.keys} such keys, one after the other; every process has a tier in memory where the library's set-up for Redis has one.`,
    table(
      ['', 'loads of a key over all processes', 'p50 ms', 'p99 ms'],
      stampede.rows.map((row) => [
        row.what,
        row.loads.least === row.loads.most
          ? String(row.loads.most)
          : `${row.loads.least} to ${row.loads.most}`,
        row.p50Ms.toFixed(1),
        row.p99Ms.toFixed(1),
      ]),
    ),
    '## Round trips',
    "Commands of one operation, as the server's `commandstats` count them; commands inside scripts are not counted again.",
    table(
      ['', 'commands', 'published'],
      results.roundTrips.map((row) => [row.what, amount(row.commands), amount(row.published)]),
    ),
    '## Versions',
    table(['package', 'version'], Object.entries(results.versions)),
  ].join('\n\n')}\n`
}

function bound({ atLeast, atMost, unit }: Target): string {
  return atLeast === undefined ? `≤ ${amount(atMost!)} ${unit}` : `≥ ${amount(atLeast)} ${unit}`
}

function amount(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}
