import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sessionPage } from './session-page.ts'
import { type SessionResults, sessionPagePath, sessionResultsPath } from './session-results.ts'

test('the committed page about sessions is what the committed results say', () => {
  const results = JSON.parse(readFileSync(sessionResultsPath, 'utf8')) as SessionResults
  expect(readFileSync(sessionPagePath, 'utf8')).toBe(sessionPage(results))
})
