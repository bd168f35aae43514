import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { Deadlines, Wait } from './deadlines.ts'

function waited(deadlines: Deadlines, log: string[], name: string): Wait {
  const wait = new Wait(
    () => log.push(`${name} expired`),
    () => log.push(`${name} closed`),
  )
  deadlines.add(wait)
  return wait
}

test('waits expire one by one, each after its own span', async () => {
  const clock = fakeClock()
  const deadlines = new Deadlines(clock, 100)
  const log: string[] = []
  waited(deadlines, log, 'first')
  await clock.advance(60)
  waited(deadlines, log, 'second')
  await clock.advance(39)
  expect(log).toEqual([])
  await clock.advance(1)
  expect(log).toEqual(['first expired'])
  await clock.advance(60)
  expect(log).toEqual(['first expired', 'second expired'])
  expect(clock.pendingTimers).toBe(0)
})

test('a wait that was taken out does not expire, wherever it stood', async () => {
  const clock = fakeClock()
  const deadlines = new Deadlines(clock, 100)
  const log: string[] = []
  const waits = ['a', 'b', 'c', 'd'].map((name) => waited(deadlines, log, name))
  for (const index of [1, 0, 3]) deadlines.remove(waits[index]!)
  deadlines.remove(waits[1]!)
  await clock.advance(100)
  expect(log).toEqual(['c expired'])
})

test('one timer serves all, and an emptied queue arms none', async () => {
  const clock = fakeClock()
  const deadlines = new Deadlines(clock, 100)
  for (let round = 0; round < 1_000; round++) {
    const wait = waited(deadlines, [], 'x')
    expect(clock.pendingTimers).toBe(1)
    deadlines.remove(wait)
  }
  await clock.advance(100)
  expect(clock.pendingTimers).toBe(0)
})

test('close ends every wait and the timer', async () => {
  const clock = fakeClock()
  const deadlines = new Deadlines(clock, 100)
  const log: string[] = []
  waited(deadlines, log, 'a')
  waited(deadlines, log, 'b')
  deadlines.close()
  expect(log).toEqual(['a closed', 'b closed'])
  expect(clock.pendingTimers).toBe(0)
})

test('an event loop that was blocked is forgiven, and one that is always late is not', async () => {
  let now = 0
  let fire = () => {}
  const clock = {
    ...fakeClock(),
    monotonic: () => now,
    setTimeout(callback: () => void) {
      fire = callback
      return 1
    },
    clearTimeout: () => undefined,
  }
  const deadlines = new Deadlines(clock, 100)
  const log: string[] = []
  const answered = waited(deadlines, log, 'answered')
  waited(deadlines, log, 'lost')
  now = 2_000
  fire()
  expect(log).toEqual([])
  deadlines.remove(answered)
  now += 51
  fire()
  expect(log).toEqual(['lost expired'])

  waited(deadlines, log, 'hung')
  for (let block = 0; block < 3; block++) {
    now += 1_000
    fire()
  }
  expect(log).toEqual(['lost expired', 'hung expired'])
})
