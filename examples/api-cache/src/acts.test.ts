import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { ordinaryDay, outage, stampede } from './acts.ts'
import { readAirports } from './airports.ts'
import { openStage } from './stage.ts'

const data = await readAirports()
const traffic = { seconds: 0.6, perSecond: 200, seed: 7 }

test('the three acts, shortened: both services answer, and the origin of the cached one is called less', async () => {
  await using stage = await openStage(data, 7)

  const day = await ordinaryDay(stage, data, traffic)
  expect(day.without.requests).toBeGreaterThan(60)
  expect(day.cached.requests).toBe(day.without.requests)
  expect(day.without.originCalls).toBe(day.without.requests)
  expect(day.cached.originCalls).toBeLessThan(day.without.originCalls)
  const { fresh, stale, missed } = day.reads
  expect(fresh + stale + missed).toBe(day.cached.requests)

  const crowd = await stampede(stage, 50)
  expect(crowd.without).toMatchObject({ requests: 50, originCalls: 50, errors: 0 })
  expect(crowd.cached).toMatchObject({ requests: 50, originCalls: 1, errors: 0 })

  const dark = await outage(stage, data, { ...traffic, seconds: 0.9, downFrom: 0.3, downTo: 0.6 })
  // Not all of them: on a busy machine a request that was due in the dark may arrive after it.
  expect(dark.without.errors).toBeGreaterThan(0)
  expect(dark.cached.errors).toBeLessThan(dark.without.errors)
  expect(dark.unknown).toBeLessThanOrEqual(dark.cached.errors)
  expect(dark.errorShares.cached).toHaveLength(3)
})

test('after the curtain every port is free again', async () => {
  const stage = await openStage(data, 7)
  await ordinaryDay(stage, data, { ...traffic, seconds: 0.1 })
  const ports = [stage.without, stage.cached]
    .flatMap(({ front, origin }) => [front.url, origin.url])
    .map((url) => Number(new URL(url).port))
  expect(await Promise.all(ports.map(accepts))).toEqual([true, true, true, true])
  await stage[Symbol.asyncDispose]()
  expect(await Promise.all(ports.map(accepts))).toEqual([false, false, false, false])
})

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
