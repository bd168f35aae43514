import { expect, test } from 'vitest'
import { Latency } from './latency.ts'

test('nothing recorded is all zeros', () => {
  expect(new Latency().summary()).toEqual({ count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 })
})

test('percentiles are within a fifth of the truth, and the mean and the longest are exact', () => {
  const latency = new Latency()
  for (let ms = 1; ms <= 1_000; ms++) latency.record(ms)
  const { count, meanMs, p50Ms, p99Ms, maxMs } = latency.summary()
  expect(count).toBe(1_000)
  expect(meanMs).toBe(500.5)
  expect(maxMs).toBe(1_000)
  expect(p50Ms / 500).toBeGreaterThanOrEqual(1)
  expect(p50Ms / 500).toBeLessThan(1.2)
  expect(p99Ms / 990).toBeGreaterThan(0.99)
  expect(p99Ms / 990).toBeLessThan(1.2)
})

test('spans beyond both ends of the buckets are counted', () => {
  const latency = new Latency()
  latency.record(0)
  latency.record(10_000_000)
  expect(latency.summary()).toMatchObject({ count: 2, maxMs: 10_000_000 })
  expect(latency.summary().p50Ms).toBeLessThan(0.1)
})
