import { expect, test } from 'vitest'
import { ValueMemory } from './value-memory.ts'

test('what was taken is nobody else’s, and holds on to 8 KiB at most', () => {
  const memory = new ValueMemory()
  const taken = [0, 1, 100, 520, 2_047, 1, 2_048, 2_047, 2_047, 2_047, 2_047, 1, 0, 9_000].map(
    (size, index) => memory.take(size).fill(index + 1),
  )
  for (const [index, bytes] of taken.entries()) {
    expect(bytes.every((byte) => byte === index + 1)).toBe(true)
    expect(bytes.buffer.byteLength).toBeLessThanOrEqual(Math.max(8_192, bytes.length))
  }
  expect(taken.map(({ length }) => length)).toEqual([
    0, 1, 100, 520, 2_047, 1, 2_048, 2_047, 2_047, 2_047, 2_047, 1, 0, 9_000,
  ])
})

test('small ones share, large ones have memory of their own', () => {
  const memory = new ValueMemory()
  const slabs = new Set(Array.from({ length: 80 }, () => memory.take(100).buffer))
  expect(slabs.size).toBe(1)
  expect(memory.take(2_048).buffer.byteLength).toBe(2_048)
})
