import { spread, table } from '../markdown.ts'
import type { KillResults, ShardingResults } from './sharding-results.ts'

/** Figures that Holdfast has promised itself, by mode. */
const targets = [
  { mode: 0, of: 'throughput', atLeast: 1.4 },
  { mode: 1, of: 'throughput', atLeast: 3 },
  { mode: 2, of: 'throughput', atLeast: 6 },
  { mode: 1, of: 'allCpu', atMost: 0.35 },
] as const

/** The page docs/benchmarks-sharding.md. It is made from the results and nothing else; a test compares the two. */
export function shardingPage(results: ShardingResults): string {
  const own = results.rows.find(({ name }) => name === 'holdfast')
  if (own === undefined) throw new Error('the results have no row for Holdfast')
  return `${[
    '# What a value on one of four servers costs, with and without a proxy',
    'Generated from `benchmarks/results/sharding.json` by `pnpm --filter @holdfast/benchmarks run sharding`; do not edit.',
    `Measured on ${results.date}, Node ${results.node}, ${results.machine}, over loopback to ${results.servers}, which share the cores; ${results.rounds} rounds, each candidate in a process of its own and one at a time, 1,000 keys that are all there. Ratios are over ioredis through nutcracker in the same round; the tables show their median, least and most. "Apart": each call begins in an event-loop callback of its own. Figures compare only within this page.`,
    '## Targets',
    table(
      ['Holdfast over ioredis through nutcracker', 'target', 'measured', ''],
      targets.map((target) => {
        const { median } = own.figures[target.mode]![target.of]
        const isMet = 'atLeast' in target ? median >= target.atLeast : median <= target.atMost
        const what = target.of === 'throughput' ? 'throughput' : 'CPU of client, proxy and servers'
        return [
          `${what}, ${results.modes[target.mode]!.name}`,
          'atLeast' in target ? `≥ ${target.atLeast} ×` : `≤ ${target.atMost} ×`,
          `${median.toFixed(2)} ×`,
          isMet ? 'met' : '**missed**',
        ]
      }),
    ),
    '## Throughput',
    table(
      ['', ...results.modes.map(({ name }) => name)],
      results.rows.map(({ what, figures }) => [
        what,
        ...figures.map(({ throughput }) => spread(throughput)),
      ]),
    ),
    '## CPU time of one call: client, proxy and servers together',
    table(
      ['', ...results.modes.map(({ name }) => name)],
      results.rows.map(({ what, figures }) => [
        what,
        ...figures.map(({ allCpu, allCpuUs }) => `${spread(allCpu)}, ${allCpuUs.toFixed(1)} µs`),
      ]),
    ),
    ...killed(results.kill),
    '## Versions',
    table(['program', 'version'], Object.entries(results.versions)),
  ].join('\n\n')}\n`
}

/** What a dead server may cost the others, and how many of the keys: a third, and what chance adds. */
const mostGrowth = 1.25
const mostMissed = 0.38
const mostMs = 250

function killed(kill: KillResults | undefined): string[] {
  if (kill === undefined) return []
  const met = (isMet: boolean) => (isMet ? 'met' : '**missed**')
  const seconds = kill.phaseMs / 1_000
  return [
    '## One of three servers killed',
    `Another service, and three servers of its own: \`wrap\` of 600 keys, ${kill.perSecond} calls a second, ${seconds} s before the second server is killed and ${seconds} s from then on; ${kill.rounds} times, each with new processes. The others are the calls for keys of the two servers that stay, ${kill.calls} or more for each p99. At the same time a second such service, whose servers all live, tells what the machine and the runtime do to a p99 by themselves.`,
    table(
      ['', 'target', 'measured', ''],
      [
        [
          "the others' p99, after over before",
          `≤ ${mostGrowth} ×`,
          `${spread(kill.growth)} ×`,
          met(kill.growth.median <= mostGrowth),
        ],
        ['the same where no server is killed', '', `${spread(kill.growthBeside)} ×`, ''],
        ['p99 before', '', `${spread(kill.beforeMs)} ms`, ''],
        ['p99 after', '', `${spread(kill.afterMs)} ms`, ''],
        [
          'keys missed, at most',
          `≤ ${mostMissed * 100} %`,
          `${(kill.missedShare * 100).toFixed(0)} %`,
          met(kill.missedShare <= mostMissed),
        ],
        [
          'the longest call',
          `≤ ${mostMs} ms`,
          `${kill.worstMs.toFixed(0)} ms`,
          met(kill.worstMs <= mostMs),
        ],
      ],
    ),
  ]
}
