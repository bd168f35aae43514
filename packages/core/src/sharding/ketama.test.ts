import { expect, it } from 'vitest'
import { digestsOf } from './ketama.ts'

it('gives every equal server 40 digests, or 39 where 32-bit floats say so', () => {
  const short = Array.from({ length: 64 }, (_, i) => i + 1).filter(
    (servers) => digestsOf(1, servers, servers) === 39,
  )
  expect(short).toEqual([25, 47, 50, 55, 61])
  expect(digestsOf(1, 10, 10)).toBe(40)
})

it('shares the digests out by weight', () => {
  expect([1, 2, 3].map((weight) => digestsOf(weight, 6, 3))).toEqual([20, 40, 60])
})

it('gives a server none whose weight is next to nothing', () => {
  expect(digestsOf(1, 100_001, 2)).toBe(0)
  expect(digestsOf(100_000, 100_001, 2)).toBe(79)
})
