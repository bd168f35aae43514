import { expect, test } from 'vitest'
import { watchFleet } from '../src/story.ts'

test('one of three servers is killed and comes back: no call fails or is wrong, and only its keys are loaded', async () => {
  const { perServer, calm, dying, gone, back, states } = await watchFleet(2_500, () => {})
  const theirs = perServer['cache-2'] ?? 0
  expect(theirs).toBeGreaterThan(50)
  expect(theirs).toBeLessThan(150)
  for (const part of [calm, dying, gone, back]) {
    expect(part).toMatchObject({ failed: 0, wrong: 0 })
    expect(part.calls).toBeGreaterThan(100)
  }
  // A load that found its server just failing is not kept; and a busy machine may make one late.
  expect(calm.loads).toBeLessThan(15)
  expect(dying.loads).toBeGreaterThanOrEqual(theirs * 0.8)
  expect(dying.loads).toBeLessThan(theirs * 1.6)
  expect(gone.loads).toBeLessThan(theirs * 0.3)
  // The version of the namespace was on it, too: at most everything is loaded once more.
  expect(back.loads).toBeGreaterThanOrEqual(theirs * 0.8)
  expect(back.loads).toBeLessThan(300 * 1.2)
  expect(states).toEqual(['in', 'out', 'in'])
})
