import { describe, expect, test } from 'vitest'
import type { Figures } from './acts.ts'
import { compare, hitRate, inWords, type Results, report, sparkline } from './report.ts'

const figures = (some: Partial<Figures> = {}): Figures => ({
  requests: 1_000,
  errors: 0,
  originCalls: 1_000,
  p50Ms: 60,
  p99Ms: 300,
  slowestMs: 400,
  ...some,
})
const reads = { fresh: 700, stale: 100, missed: 200 }

const resultsOf = (without: Figures, cached: Figures): Results => ({
  ordinary: { without, cached, reads, seconds: 8 },
  stampede: { without, cached, reads },
  outage: {
    without,
    cached,
    reads,
    seconds: 3,
    unknown: 12,
    hiddenFailures: 34,
    errorShares: { without: [0, 1], cached: [0, 0] },
  },
})

describe('the words follow the figures', () => {
  test('when the cache helped', () => {
    const [calls = '', crowd = '', dark = ''] = inWords(
      resultsOf(figures({ errors: 500 }), figures({ originCalls: 1 })),
    )
    expect(calls).toMatch(/spared the origin 999 of 1,000 calls \(99\.9 %\)/)
    expect(crowd).toMatch(/cost 1 call; without a cache 1,000 calls/)
    expect(dark).toMatch(/0\.0 % of the requests failed; without a cache 50\.0 %/)
  })

  test('when it did not', () => {
    const words = inWords(resultsOf(figures({ originCalls: 10 }), figures({ originCalls: 20 })))
    expect(words.join('\n')).toMatch(
      /spared the origin nothing in this run: 20 calls with it, 10 calls without/,
    )
  })

  test('and remaining failures are named', () => {
    const words = inWords(resultsOf(figures(), figures({ errors: 13 }))).join('\n')
    expect(words).toMatch(/12 of those 13 asked for what had never been loaded/)
    expect(inWords(resultsOf(figures(), figures({ errors: 12 }))).join('\n')).toMatch(
      /All 12 asked for/,
    )
  })
})

test('compare says which way a figure went', () => {
  const words = ['fewer', 'more'] as const
  expect(compare(100, 50, words)).toBe('2.0× fewer')
  expect(compare(50, 100, words)).toBe('2.0× more')
  expect(compare(7, 7, words)).toBe('the same')
  expect(compare(7, 0, words)).toBe('none')
  expect(compare(0, 7, words)).toBe('more')
})

test('the hit rate counts stale answers as hits, and is 0 when nothing was read', () => {
  expect(hitRate({ without: figures(), cached: figures(), reads })).toBe(0.8)
  const none = { fresh: 0, stale: 0, missed: 0 }
  expect(hitRate({ without: figures(), cached: figures(), reads: none })).toBe(0)
})

test('the sparkline shows any error at all, and full bars only for nothing but errors', () => {
  expect(sparkline([0, 0.001, 0.5, 0.999, 1])).toBe('▁▂▅▇█')
})

test('every line of the table fits into 100 columns', () => {
  const table = report(resultsOf(figures({ requests: 123_456 }), figures()), (_, text) => text)
  for (const line of table.split('\n').slice(0, -4)) expect(line.length <= 100, line).toBe(true)
})
