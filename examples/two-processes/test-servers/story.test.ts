import { expect, test } from 'vitest'
import { processes, requestsEach, tell } from '../src/story.ts'

test('eight processes over one Redis load a price once, see its change at once, and live without Redis', async () => {
  const lines: string[] = []
  const told = await tell((line) => lines.push(line))
  expect(told).toEqual({
    requests: processes * requestsEach,
    queriesWhenCold: 1,
    differentAnswers: 1,
    queriesAfterChange: 1,
    oldAnswersAfterChange: 0,
    failedWithoutRedis: 0,
    queriesWithoutRedis: processes,
  })
  expect(lines).toHaveLength(6)
})
