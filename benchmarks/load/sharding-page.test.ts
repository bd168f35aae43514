import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { shardingPage } from './sharding-page.ts'
import { type ShardingResults, shardingPagePath, shardingResultsPath } from './sharding-results.ts'

test('the committed page about sharding is what the committed results say', () => {
  const results = JSON.parse(readFileSync(shardingResultsPath, 'utf8')) as ShardingResults
  expect(readFileSync(shardingPagePath, 'utf8')).toBe(shardingPage(results))
})
