import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { worsened } from './compare.ts'
import { resultsPath } from './paths.ts'
import type { MicroResults, TimedRow } from './results.ts'

const committed = JSON.parse(readFileSync(resultsPath, 'utf8')) as MicroResults

test('results are no worse than themselves', () => {
  expect(worsened(committed, committed)).toEqual([])
})

test('a ratio that is 14 % worse passes', () => {
  expect(worsened({ ...committed, hit: slower(committed.hit, 1.14) }, committed)).toEqual([])
})

test('a ratio that is 16 % worse is named', () => {
  const worse = worsened({ ...committed, miss: slower(committed.miss, 1.16) }, committed)
  expect(worse).toHaveLength(2)
  expect(worse[0]).toMatch(/^a miss, default isolation: .* 16 % more$/)
})

test('growth where there was none is named', () => {
  const churn = committed.churn.map((row) => ({ ...row, bytes: row.bytes + 3 }))
  expect(worsened({ ...committed, churn }, committed)).toEqual([
    expect.stringMatching(/^growth per wrap/),
  ])
})

function slower(rows: readonly TimedRow[], times: number): TimedRow[] {
  return rows.map((row) => ({
    ...row,
    ratio: { ...row.ratio, median: row.ratio.median * times },
  }))
}
