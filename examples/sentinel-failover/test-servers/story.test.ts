import { expect, test } from 'vitest'
import { tell } from '../src/story.ts'

test('a service over sentinels goes on while its primary is killed, and ends with no old price', async () => {
  const lines: string[] = []
  const told = await tell((line) => lines.push(line), 2_000)
  expect(told.requests).toBeGreaterThan(100)
  expect(told.failedRequests).toBe(0)
  expect(told.oldAnswersAtTheEnd).toBe(0)
  // 2 s are promised; the machine runs other tests meanwhile.
  expect(told.writesResumedAfterMs).toBeLessThan(5_000)
  expect(lines).toHaveLength(6)
})
