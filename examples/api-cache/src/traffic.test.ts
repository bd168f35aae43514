import { expect, test } from 'vitest'
import { readAirports } from './airports.ts'
import { planTraffic } from './traffic.ts'

const data = await readAirports()
const options = { seconds: 10, perSecond: 400, seed: 42 }
const plan = planTraffic(data, options)

test('the same seed plans the same requests, another seed others', () => {
  expect(planTraffic(data, options)).toEqual(plan)
  expect(planTraffic(data, { ...options, seed: 43 })).not.toEqual(plan)
})

test('as many requests as asked for, in order, within the time', () => {
  expect(plan.length).toBeGreaterThan(3_800)
  expect(plan.length).toBeLessThan(4_200)
  const times = plan.map(({ atMs }) => atMs)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(times.at(-1)).toBeLessThan(10_000)
})

test('a few paths are asked for often, most of them once', () => {
  const times = new Map<string, number>()
  for (const { path } of plan) times.set(path, (times.get(path) ?? 0) + 1)
  const counts = [...times.values()].sort((a, b) => b - a)
  expect(counts[0]).toBeGreaterThan(300)
  expect(counts[Math.floor(counts.length / 2)]).toBe(1)
})
