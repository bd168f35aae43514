import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { shardingPage } from './sharding-page.ts'
import {
  type KillResults,
  type ShardingResults,
  shardingPagePath,
  shardingResultsPath,
} from './sharding-results.ts'

test('the committed page about sharding is what the committed results say', () => {
  const results = JSON.parse(readFileSync(shardingResultsPath, 'utf8')) as ShardingResults
  expect(readFileSync(shardingPagePath, 'utf8')).toBe(shardingPage(results))
})

test('the page tells what a killed server cost the others, and which of it is over its bound', () => {
  const results = JSON.parse(readFileSync(shardingResultsPath, 'utf8')) as ShardingResults
  const spread = (median: number) => ({ median, min: median / 2, max: median * 2 })
  const kill: KillResults = {
    rounds: 7,
    perSecond: 1_500,
    phaseMs: 5_000,
    calls: 4_870,
    beforeMs: spread(0.4),
    afterMs: spread(0.44),
    growth: spread(1.1),
    growthBeside: spread(1),
    missedShare: 0.39,
    worstMs: 12,
  }
  const page = shardingPage({ ...results, kill })
  expect(page).toContain('| ≤ 1.25 × | 1.10 (0.55 to 2.20) × | met |')
  expect(page).toContain('| ≤ 38 % | 39 % | **missed** |')
  expect(page).toContain('| ≤ 250 ms | 12 ms | met |')
  expect(shardingPage({ ...results, kill: { ...kill, growth: spread(1.3) } })).toContain(
    '| ≤ 1.25 × | 1.30 (0.65 to 2.60) × | **missed** |',
  )
})
