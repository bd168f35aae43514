import { expect, test } from 'vitest'
import { tell } from '../src/story.ts'

test('events on a Redis channel delete what Memcached keeps, nonsense is counted, and a gap is answered', async () => {
  const lines: string[] = []
  const told = await tell((line) => lines.push(line))
  expect(told).toMatchObject({
    callsWhenCold: 4,
    callsWhenKept: 0,
    callsAfterKeys: 1,
    callsAfterTag: 4,
    oldAnswersAfterEvents: 0,
    malformed: 2,
    gaps: 1,
  })
  expect(told.callsAfterGap).toBeGreaterThan(0)
  expect(lines).toHaveLength(5)
})
