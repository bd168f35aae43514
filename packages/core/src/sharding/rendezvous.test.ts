import { expect, it } from 'vitest'
import { avalanche } from './hashes/murmur3.ts'
import { negativeLog2, rendezvous } from './rendezvous.ts'

it('knows logarithms to nine digits, from the smallest score to the largest', () => {
  const scores = [0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]
  for (let i = 0; i < 10_000; i++) scores.push(avalanche(i) >>> 0)
  for (const score of scores) {
    const exact = 32 - Math.log2(score + 0.5)
    expect(Math.abs(negativeLog2(score) - exact)).toBeLessThan(1e-8)
    expect(negativeLog2(score)).toBeGreaterThan(0)
  }
})

it('shares keys out by weight', () => {
  const members = [1, 2, 5].map((weight, index) => ({
    name: `s${index}`,
    ringName: `s${index}`,
    weight,
    index,
  }))
  const { place } = rendezvous(members)
  const counts = [0, 0, 0]
  for (let i = 0; i < 80_000; i++) counts[place(avalanche(i))]!++
  expect(counts.map((count) => Math.round(count / 1000))).toEqual([10, 20, 50])
})
