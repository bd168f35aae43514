import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { AuthPace } from './auth-pace.ts'

let servers = 0
const freshServer = () => `server ${++servers}`

test('the connections of one store log in at most once a second', async () => {
  const clock = fakeClock()
  const pace = new AuthPace(clock, freshServer())
  const at: number[] = []
  const logIn = async () => {
    const judged = await pace.turn()
    at.push(clock.monotonic())
    judged('accepted')
  }
  const all = Promise.all([logIn(), logIn(), logIn()])
  await clock.advance(3_000)
  await all
  expect(at.map((each) => each - at[0]!)).toEqual([0, 1_000, 2_000])
})

test('with a wrong password all stores of the process share one try a second', async () => {
  const clock = fakeClock()
  const server = freshServer()
  let tries = 0
  const stores = [1, 2, 3, 4].map(async () => {
    const pace = new AuthPace(clock, server)
    for (let times = 0; times < 10; times++) {
      const judged = await pace.turn()
      tries++
      judged('refused')
    }
  })
  await clock.advance(5_500)
  expect(tries).toBe(6)
  await clock.advance(60_000)
  await Promise.all(stores)
})

test('once a password is known to be right, stores do not wait for each other', async () => {
  const clock = fakeClock()
  const server = freshServer()
  const first = await new AuthPace(clock, server).turn()
  let others = 0
  const waiting = [1, 2, 3].map(async () => {
    const judged = await new AuthPace(clock, server).turn()
    others++
    judged('accepted')
  })
  await clock.advance(100)
  expect(others).toBe(0)
  first('accepted')
  await clock.advance(0)
  expect(others).toBe(3)
  await Promise.all(waiting)
})

test('another server or user has a pace of its own', async () => {
  const clock = fakeClock()
  const refused = await new AuthPace(clock, freshServer()).turn()
  refused('refused')
  const other = new AuthPace(clock, freshServer()).turn()
  await clock.advance(0)
  await expect(other).resolves.toBeTypeOf('function')
})
