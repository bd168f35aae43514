import type { Figures, OutageResult, Result } from './acts.ts'
import { count, type Screen } from './screen.ts'

type Paint = Screen['paint']

export interface Results {
  ordinary: Result & { seconds: number }
  stampede: Result
  outage: OutageResult & { seconds: number }
}

/** The table, and under it what it says in words. Every word that judges is chosen by the figures. */
export function report(results: Results, paint: Paint): string {
  const { ordinary, stampede, outage } = results
  const width = 76
  const rule = paint('dim', '─'.repeat(width))
  const heading = (title: string, about: string) =>
    `${paint('bold', title.padEnd(20))}${paint('dim', about)}`

  const callsRow = (result: Result) =>
    row(paint, 'calls to the origin', result, ({ originCalls }) => originCalls, count, fewer)
  const errorsRow = (result: Result) =>
    row(paint, 'errors users saw', result, (figures) => figures.errors, count, fewer)

  return [
    `${' '.repeat(30)}${['without', 'with cache'].map((name) => name.padStart(15)).join('')}`,
    rule,
    heading(
      'Ordinary traffic',
      `${count(ordinary.without.requests)} requests in ${ordinary.seconds} s`,
    ),
    callsRow(ordinary),
    line('answered from memory', '–', percent(hitRate(ordinary))),
    row(paint, 'half the users: p50', ordinary, ({ p50Ms }) => p50Ms, milliseconds, faster),
    row(paint, 'all but 1 %: p99', ordinary, ({ p99Ms }) => p99Ms, milliseconds, faster),
    errorsRow(ordinary),
    rule,
    heading(
      'Stampede',
      `${count(stampede.without.requests)} users at once want what nobody remembers`,
    ),
    callsRow(stampede),
    row(paint, 'slowest answer', stampede, ({ slowestMs }) => slowestMs, milliseconds, faster),
    rule,
    heading('Outage', `the origin is down for ${outage.seconds} s of ordinary traffic`),
    line('requests', count(outage.without.requests), count(outage.cached.requests)),
    callsRow(outage),
    errorsRow(outage),
    line('  for what it never had', '–', count(outage.unknown)),
    line('failures nobody saw', '–', count(outage.hiddenFailures)),
    line('answered with stale values', '–', count(outage.reads.stale)),
    line(
      'errors over time',
      sparkline(outage.errorShares.without),
      sparkline(outage.errorShares.cached),
    ),
    rule,
    ...inWords(results),
  ].join('\n')
}

export function inWords({ ordinary, stampede, outage }: Results): string[] {
  const { without, cached } = ordinary
  const spared = without.originCalls - cached.originCalls
  return [
    spared > 0
      ? `The cache spared the origin ${count(spared)} of ${calls(without)} (${percent(spared / without.originCalls)}).`
      : `The cache spared the origin nothing in this run: ${calls(cached)} with it, ${calls(without)} without.`,
    `${count(stampede.without.requests)} users of one cold key cost ${calls(stampede.cached)}; without a cache ${calls(stampede.without)}.`,
    `While the origin was down, ${errorRate(outage.cached)} of the requests failed; without a cache ${errorRate(outage.without)}.`,
    ...remaining(outage),
  ]
}

/** What went wrong in spite of the cache, and why, as far as that is known. */
function remaining({ cached: { errors }, unknown }: OutageResult): string[] {
  if (errors === 0) return []
  const which =
    unknown === errors ? `All ${count(errors)}` : `${count(unknown)} of those ${count(errors)}`
  return [`${which} asked for what had never been loaded: there was nothing to serve.`]
}

/** Share of the reads that were answered without waiting for a load. */
export const hitRate = ({ reads: { fresh, stale, missed } }: Result): number =>
  fresh + stale + missed === 0 ? 0 : (fresh + stale) / (fresh + stale + missed)

type Words = readonly [better: string, worse: string]
const fewer: Words = ['fewer', 'more']
const faster: Words = ['faster', 'slower']

function row(
  paint: Paint,
  label: string,
  { without, cached }: Result,
  pick: (figures: Figures) => number,
  format: (value: number) => string,
  words: Words,
): string {
  const [before, after] = [pick(without), pick(cached)]
  const note = compare(before, after, words)
  const colour = after < before ? 'green' : after > before ? 'red' : 'dim'
  return `${line(label, format(before), format(after))}  ${paint(colour, note)}`
}

const line = (label: string, before: string, after: string): string =>
  `  ${label.padEnd(28)}${before.padStart(15)}${after.padStart(15)}`

/** How two figures compare, where less is better. */
export function compare(before: number, after: number, [better, worse]: Words): string {
  if (before === after) return 'the same'
  if (after === 0) return `none`
  if (before === 0) return worse
  return after < before ? `${ratio(before / after)} ${better}` : `${ratio(after / before)} ${worse}`
}

const ratio = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)}×`

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : count(Math.round(ms))} ms`

const calls = ({ originCalls }: Figures): string =>
  `${count(originCalls)} ${originCalls === 1 ? 'call' : 'calls'}`

const errorRate = ({ errors, requests }: Figures): string =>
  percent(requests === 0 ? 0 : errors / requests)

const steps = '▁▂▃▄▅▆▇█'

/** One character for each slice of time: the lowest for no error at all, the highest for nothing else. */
export function sparkline(shares: readonly number[]): string {
  const levels = steps.length - 2
  const level = (share: number) =>
    share === 0 ? 0 : share === 1 ? levels + 1 : 1 + Math.floor(share * levels)
  return shares.map((share) => steps[level(share)]).join('')
}
