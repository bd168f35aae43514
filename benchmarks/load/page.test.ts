import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { page } from './page.ts'
import { pagePath, resultsPath } from './paths.ts'
import type { FarResults } from './results.ts'

test('the committed page is what the committed results say', () => {
  const results = JSON.parse(readFileSync(resultsPath, 'utf8')) as FarResults
  expect(readFileSync(pagePath, 'utf8')).toBe(page(results))
})
