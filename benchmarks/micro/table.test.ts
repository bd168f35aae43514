import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { pagePath, resultsPath } from './paths.ts'
import type { MicroResults } from './results.ts'
import { page } from './table.ts'

test('the published page is the one that the committed results make', () => {
  const results = JSON.parse(readFileSync(resultsPath, 'utf8')) as MicroResults
  expect(readFileSync(pagePath, 'utf8')).toBe(page(results))
})
