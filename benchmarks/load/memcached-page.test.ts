import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { memcachedPage } from './memcached-page.ts'
import {
  type MemcachedResults,
  memcachedPagePath,
  memcachedResultsPath,
} from './memcached-results.ts'

test('the committed page about Memcached is what the committed results say', () => {
  const results = JSON.parse(readFileSync(memcachedResultsPath, 'utf8')) as MemcachedResults
  expect(readFileSync(memcachedPagePath, 'utf8')).toBe(memcachedPage(results))
})
