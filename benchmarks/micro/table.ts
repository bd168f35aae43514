import { spread, table } from '../markdown.ts'
import type { MicroResults, TimedRow } from './results.ts'
import { targets } from './targets.ts'

/** The page docs/benchmarks.md. It is made from the results and nothing else; a test compares the two. */
export function page(results: MicroResults): string {
  return `${[
    '# What a hit costs',
    'Generated from `benchmarks/results/micro.json` by `pnpm bench`; do not edit. How it is measured, and why so: [benchmarks/method.md](../benchmarks/method.md). Why the hit looks as it does: [decision 0004](decisions/0004-near-hit.md).',
    `Measured on ${results.date}, Node ${results.node}, ${results.machine}; ${results.rounds} rounds, each candidate in a fresh process. Ratios are formed inside a round; the table shows their median, least and most. Nanoseconds are CPU time and compare only within this page.`,
    '## Targets',
    table(
      ['', 'target', 'measured', ''],
      targets.map(({ what, atMost, unit, measured }) => {
        const value = measured(results)
        return [
          what,
          `≤ ${amount(atMost, unit)} ${unit}`,
          `${amount(value, unit)} ${unit}`,
          value <= atMost ? 'met' : '**missed**',
        ]
      }),
    ),
    '## A hit',
    `10,000 keys, zipf 0.99, one call after the other. In turns with the floor in one process, Holdfast takes ${spread(results.together)} × the floor.`,
    table(
      ['', 'ns', '× the floor (least to most)', 'bytes allocated'],
      byRatio(results.hit).map((row) => [
        row.what,
        number(row.nsPerCall),
        spread(row.ratio),
        number(results.allocation.find(({ name }) => name === row.name)?.bytes),
      ]),
    ),
    '## A miss',
    'A key never asked for before, a loader that is asynchronous and has its value at hand, and an eviction where the cache is bounded.',
    table(
      ['', 'ns', '× the floor (least to most)'],
      byRatio(results.miss).map((row) => [row.what, number(row.nsPerCall), spread(row.ratio)]),
    ),
    '## Memory',
    `Bytes per entry at 1,000,000 entries, its key and value included; those two alone take ${number(results.memoryOfData)}.`,
    table(
      ['', 'kept', 'hit once', 'hit twice'],
      results.memory.map((row) => [
        row.what,
        number(row.kept),
        number(row.hitOnce),
        number(row.hitTwice),
      ]),
    ),
    'Growth of the heap, in bytes per wrap, over 2,000,000 wraps of new keys, two callers for each, one load in a hundred failing:',
    table(
      ['', 'bytes per wrap'],
      results.churn.map((row) => [row.what, number(row.bytes)]),
    ),
    '## Versions',
    table(
      ['package', 'version'],
      Object.entries(results.versions).map(([name, version]) => [name, version]),
    ),
  ].join('\n\n')}\n`
}

function byRatio(rows: readonly TimedRow[]): TimedRow[] {
  return [...rows].sort((a, b) => a.ratio.median - b.ratio.median)
}

function amount(value: number, unit: string): string {
  return unit === 'B' ? number(value) : value.toFixed(2)
}

function number(value: number | undefined): string {
  return value === undefined ? '' : value.toLocaleString('en-US')
}
