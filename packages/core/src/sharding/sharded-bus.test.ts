import { expect, test } from 'vitest'
import { MemoryBacking } from '../store/memory-backing.ts'
import { memoryStore } from '../store/memory-store.ts'
import type { Store } from '../store/store.ts'
import { busConformance } from '../testing/bus-conformance.ts'
import { faultyBus } from '../testing/faulty-bus.ts'
import { shardedBus } from './sharded-bus.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const still = () => () => {}

function servers(count: number) {
  const backings = Array.from({ length: count }, () => new MemoryBacking())
  const storesOf = () => backings.map((backing, at) => memoryStore({ name: `s${at}`, backing }))
  return { backings, storesOf }
}

for (const { name, run } of busConformance({
  create() {
    const { storesOf } = servers(3)
    const [here, there] = [storesOf(), storesOf()]
    return { bus: shardedBus(() => here, still), peer: shardedBus(() => there, still) }
  },
})) {
  test(name, async () => {
    await run()
  })
}

test('is up, and hears each message once, while one of its two servers is away', async () => {
  const { storesOf } = servers(3)
  const lines = storesOf().map((store) => {
    const bus = faultyBus(store.bus(), { faults: [] })
    return { bus, store: { ...store, bus: () => bus } as Store }
  })
  const here = shardedBus(() => lines.map(({ store }) => store), still)
  const there = shardedBus(storesOf, still)
  const heard: number[] = []
  const states: string[] = []
  here.subscribe(
    (message) => heard.push(message[0]!),
    (state) => states.push(state),
  )
  await turn()
  await there.publish(Uint8Array.of(1))
  await turn()
  lines[0]!.bus.cut()
  await turn()
  await there.publish(Uint8Array.of(2))
  await turn()
  expect(heard).toEqual([1, 2])
  expect(states).toEqual(['up'])
  lines[1]!.bus.cut()
  await turn()
  expect(states).toEqual(['up', 'down'])
  await here.close()
  await there.close()
})

test('moves on to other servers when the list changes', async () => {
  const { storesOf } = servers(4)
  const all = storesOf()
  let current: readonly Store[] = all.slice(0, 2)
  let changed = () => {}
  const here = shardedBus(
    () => current,
    (listener) => {
      changed = listener
      return () => {}
    },
  )
  const heard: number[] = []
  const states: string[] = []
  here.subscribe(
    (message) => heard.push(message[0]!),
    (state) => states.push(state),
  )
  await turn()
  current = all.slice(2)
  changed()
  await turn()
  expect(states).toEqual(['up', 'down', 'up'])
  const peers = storesOf()
  const there = shardedBus(() => peers.slice(2), still)
  await there.publish(Uint8Array.of(7))
  await turn()
  expect(heard).toEqual([7])
  await here.close()
  await there.close()
})
