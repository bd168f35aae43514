import { expect, test } from 'vitest'
import { tell } from '../src/story.ts'

test('what is encrypted cannot be read in Redis, survives a rotation, and is gone with its key', async () => {
  const lines: string[] = []
  const told = await tell((line) => lines.push(line))
  expect(told).toEqual({
    readableWithout: true,
    readableWith: false,
    refusedInClear: true,
    plantedServed: false,
    loadsInRotation: 0,
    shreddedMisses: 1,
    loadsAfterShredding: 1,
  })
  expect(lines[1]).toContain('hay fever')
  expect(lines.slice(2).join()).not.toContain('hay fever')
  expect(lines).toHaveLength(8)
})
