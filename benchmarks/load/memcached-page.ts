import { spread, table } from '../markdown.ts'
import type { MemcachedResults } from './memcached-results.ts'
import type { HitRow, Mode } from './results.ts'

/** Figures that Holdfast has promised itself, by row and mode. */
const targets = [
  { on: 'single', row: 'holdfast-binary', mode: 1, atLeast: 1.1 },
  { on: 'single', row: 'holdfast-binary', mode: 2, atLeast: 1.1 },
  { on: 'single', row: 'holdfast-meta', mode: 1, atLeast: 2 },
  { on: 'single', row: 'holdfast-meta', mode: 2, atLeast: 4 },
  { on: 'fleet', row: 'fleet-binary', mode: 1, atLeast: 2 },
  { on: 'fleet', row: 'fleet-meta', mode: 1, atLeast: 4 },
] as const

/** The page docs/benchmarks-memcached.md. It is made from the results and nothing else; a test compares the two. */
export function memcachedPage(results: MemcachedResults): string {
  return `${[
    '# What a hit in Memcached costs',
    'Generated from `benchmarks/results/memcached.json` by `pnpm --filter @holdfast/benchmarks run memcached`; do not edit.',
    `Measured on ${results.date}, Node ${results.node}, ${results.machine}, over loopback to ${results.server}, which share the cores; ${results.rounds} rounds, each candidate in a process of its own and one at a time, 1,000 keys that are all there, values of five fields. Ratios are formed inside a round; the tables show their median, least and most. "Apart": each call begins in an event-loop callback of its own. Figures compare only within one table.`,
    '## Targets',
    table(
      ['throughput', 'target', 'measured', ''],
      targets.map(({ on, row, mode, atLeast }) => {
        const { what, figures } = rowNamed(results[on], row)
        const { median } = figures[mode]!.ratio
        const base = on === 'single' ? 'plain memjs' : 'memcache through nutcracker'
        return [
          `${what}, ${results.modes[mode]!.name} in flight, over ${base}`,
          `≥ ${atLeast} ×`,
          `${median.toFixed(2)} ×`,
          median >= atLeast ? 'met' : '**missed**',
        ]
      }),
    ),
    '## Throughput on one server, over plain memjs',
    throughput(results.single, results.modes),
    "## The client's CPU time of one call, one server",
    cpu(results.single, results.modes),
    '## Throughput on one of four servers, over memcache through nutcracker',
    throughput(results.fleet, results.modes),
    "## The client's CPU time of one call, four servers",
    "The proxy's own time is not in it.",
    cpu(results.fleet, results.modes),
    '## Versions',
    table(['program', 'version'], Object.entries(results.versions)),
  ].join('\n\n')}\n`
}

const throughput = (rows: readonly HitRow[], modes: readonly Mode[]) =>
  table(
    ['', ...modes.map(({ name }) => name)],
    rows.map(({ what, figures }) => [what, ...figures.map(({ ratio }) => spread(ratio))]),
  )

const cpu = (rows: readonly HitRow[], modes: readonly Mode[]) =>
  table(
    ['', ...modes.map(({ name }) => name)],
    rows.map(({ what, figures }) => [
      what,
      ...figures.map(({ cpuUs }) => `${cpuUs.toFixed(1)} µs`),
    ]),
  )

function rowNamed(rows: readonly HitRow[], name: string): HitRow {
  const row = rows.find((each) => each.name === name)
  if (row === undefined) throw new Error(`the results have no row '${name}'`)
  return row
}
