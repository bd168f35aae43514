import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type RingResults, ringPage, ringPagePath, ringResultsPath } from './ring-page.ts'

test('the committed page about rings is what the committed results say', () => {
  const results = JSON.parse(readFileSync(ringResultsPath, 'utf8')) as RingResults
  expect(readFileSync(ringPagePath, 'utf8')).toBe(ringPage(results))
})
