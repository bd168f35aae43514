import { describe, expect, test } from 'vitest'
import { memoryBus } from '../store/memory-bus.ts'
import type { BusState } from '../store/store.ts'
import { busConformance } from './bus-conformance.ts'
import { fakeClock } from './fake-clock.ts'
import { type BusFault, type FaultyBus, faultyBus } from './faulty-bus.ts'

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

function listened(faults: readonly BusFault[]) {
  const bus = faultyBus(memoryBus(), { faults })
  const received: number[] = []
  const states: BusState[] = []
  bus.subscribe(
    (message) => received.push(message[0]!),
    (state) => states.push(state),
  )
  return { bus, received, states }
}

async function publishUpTo(bus: FaultyBus, last: number) {
  for (let number = 1; number <= last; number++) await bus.publish(Uint8Array.of(number))
  await settle()
}

describe('a faulty bus without faults passes the conformance suite, and its link can be cut', () => {
  const cases = busConformance({
    create() {
      const hub = new Set<(message: Uint8Array) => void>()
      const bus = faultyBus(memoryBus(hub), { faults: [] })
      return { bus, peer: memoryBus(hub), cut: () => bus.cut(), heal: () => bus.heal() }
    },
  })
  test.each(cases)('$name', async ({ run }) => {
    expect(await run()).toEqual({})
  })
})

test('drops the messages it names', async () => {
  const { bus, received } = listened([
    { kind: 'drop', nth: 2 },
    { kind: 'drop', on: 'publish', nth: 4 },
  ])
  await publishUpTo(bus, 5)
  expect(received).toEqual([1, 3, 5])
})

test('repeats, reorders and damages messages', async () => {
  const { bus, received } = listened([
    { kind: 'duplicate', nth: 1 },
    { kind: 'reorder', nth: 2 },
    { kind: 'damage', nth: 4 },
  ])
  await publishUpTo(bus, 4)
  expect(received.slice(0, 4)).toEqual([1, 1, 3, 2])
  expect(received[4]).not.toBe(4)
})

test('delays by its clock', async () => {
  const clock = fakeClock()
  const bus = faultyBus(memoryBus(), { clock, faults: [{ kind: 'delay', ms: 500 }] })
  const received: number[] = []
  bus.subscribe(
    (message) => received.push(message[0]!),
    () => undefined,
  )
  await publishUpTo(bus, 1)
  expect(received).toEqual([])
  await clock.advance(500)
  expect(received).toEqual([1])
})

test('a cut link is said to be down, publishes nothing, and comes back up', async () => {
  const { bus, received, states } = listened([])
  await settle()
  bus.cut()
  await expect(bus.publish(Uint8Array.of(1))).rejects.toMatchObject({ kind: 'unavailable' })
  bus.heal()
  await publishUpTo(bus, 1)
  expect(received).toEqual([1])
  expect(states).toEqual(['up', 'down', 'up'])
})

test('a silent link loses messages and tells nobody', async () => {
  const { bus, received, states } = listened([])
  await settle()
  bus.silence()
  await publishUpTo(bus, 3)
  bus.heal()
  await publishUpTo(bus, 1)
  expect(received).toEqual([1])
  expect(states).toEqual(['up'])
})
