import { expect, test } from 'vitest'
import { tellStory } from '../src/story.ts'

test('every key that was written through twemproxy is found without it, and the other way round', async () => {
  const outcome = await tellStory(1_000, () => {})
  expect(outcome.foundWithoutProxy).toBe(1_000)
  expect(outcome.foundThroughProxy).toBe(500)
  expect(outcome.perServer.reduce((sum, count) => sum + count)).toBe(1_000)
  expect(Math.min(...outcome.perServer)).toBeGreaterThan(0)
  expect(outcome.movedShare).toBeGreaterThan(0.05)
  expect(outcome.movedShare).toBeLessThan(0.5)
  expect(outcome.foundWhileMoving).toBe(1_000)
  expect(outcome.foundWithOneDead).toBe(outcome.expectedWithOneDead)
  expect(outcome.foundWithOneDead).toBeLessThan(1_000)
})
