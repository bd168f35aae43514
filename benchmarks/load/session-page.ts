import { spread, table } from '../markdown.ts'
import type { SessionResults } from './session-results.ts'

/** The page docs/benchmarks-sessions.md. It is made from the results and nothing else; a test compares the two. */
export function sessionPage(results: SessionResults): string {
  const own = results.rows.find(({ name }) => name === 'holdfast')
  if (own === undefined) throw new Error('the results have no row for Holdfast')
  return `${[
    '# What a session costs a request',
    'Generated from `benchmarks/results/session.json` by `pnpm --filter @holdfast/benchmarks run sessions`; do not edit.',
    `Measured on ${results.date}, Node ${results.node}, ${results.machine}, over loopback to ${results.server}, which shares the cores with the visitors; ${results.rounds} rounds, each candidate an Express application in a process of its own and one at a time, ${results.sessions} sessions of about 2 KB that slide for 7 days. Requests a second: ${results.visitors} visitors who wait for their answers. p99: ${results.perSecond} requests a second that come when they come, counted from when they were due. Ratios are over connect-redis in the same round; the tables show their median, least and most. Figures compare only within this page.`,
    '## Targets',
    table(
      ['Holdfast’s middleware over connect-redis', 'target', 'measured', ''],
      own.figures.flatMap(({ throughput, p99 }, act) => [
        [
          `requests a second, ${results.acts[act]!.name}`,
          '≥ 1 ×',
          `${throughput.median.toFixed(2)} ×`,
          throughput.median >= 1 ? 'met' : '**missed**',
        ],
        [
          `p99, ${results.acts[act]!.name}`,
          '≤ 1 ×',
          `${p99.median.toFixed(2)} ×`,
          p99.median <= 1 ? 'met' : '**missed**',
        ],
      ]),
    ),
    '## Requests a second',
    table(
      ['', ...results.acts.map(({ name }) => name)],
      results.rows.map(({ what, figures }) => [
        what,
        ...figures.map(
          ({ throughput, perSecond }) =>
            `${spread(throughput)}, ${Math.round(perSecond).toLocaleString('en-US')}`,
        ),
      ]),
    ),
    '## p99',
    table(
      ['', ...results.acts.map(({ name }) => name)],
      results.rows.map(({ what, figures }) => [
        what,
        ...figures.map(({ p99, p99Ms }) => `${spread(p99)}, ${p99Ms.toFixed(1)} ms`),
      ]),
    ),
    '## CPU time of the application for a request',
    table(
      ['', ...results.acts.map(({ name }) => name)],
      results.rows.map(({ what, figures }) => [
        what,
        ...figures.map(({ cpuUs }) => `${cpuUs.toFixed(0)} µs`),
      ]),
    ),
    'What the figures pay for differs: express-session sends a response before its session is stored, connect-redis overwrites what others changed meanwhile and tells the store of every single use.',
    '## Versions',
    table(['program', 'version'], Object.entries(results.versions)),
  ].join('\n\n')}\n`
}
