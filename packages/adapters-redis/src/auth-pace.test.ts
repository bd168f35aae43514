import { StoreError } from '@holdfast/core'
import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { AuthPace } from './auth-pace.ts'

const refusal = new StoreError('refused', { kind: 'auth' })
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
  const endsAt = clock.monotonic() + 10_000
  const stores = [1, 2, 3, 4].map(async () => {
    const pace = new AuthPace(clock, server)
    for (;;) {
      const judged = await pace.turn().catch(() => undefined)
      if (judged !== undefined) tries++
      await Promise.resolve()
      judged?.(refusal)
      if (clock.monotonic() > endsAt) return
    }
  })
  await clock.advance(5_500)
  expect(tries).toBe(6)
  await clock.advance(60_000)
  await Promise.all(stores)
})

test('who waits while another is refused is told so, and does not try', async () => {
  const clock = fakeClock()
  const server = freshServer()
  const first = await new AuthPace(clock, server).turn()
  const second = new AuthPace(clock, server).turn()
  first(refusal)
  await expect(second).rejects.toBe(refusal)
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
  refused(refusal)
  const other = new AuthPace(clock, freshServer()).turn()
  await clock.advance(0)
  await expect(other).resolves.toBeTypeOf('function')
})

test('the bus lets the commands of its store go first', async () => {
  const clock = fakeClock()
  const pace = new AuthPace(clock, freshServer())
  const judged = await pace.turn()
  judged(refusal)
  const order: string[] = []
  const logIn = async (purpose: 'commands' | 'bus') => {
    const done = await pace.turn(purpose)
    order.push(purpose)
    done('accepted')
  }
  const both = Promise.all([logIn('bus'), logIn('commands')])
  await clock.advance(2_100)
  await both
  expect(order).toEqual(['commands', 'bus'])
})
