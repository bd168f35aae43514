import { expect, test } from 'vitest'
import { createCache, InvalidationError, memoryStore, prefixedStore } from '../../src/index.ts'
import type { OnFailure } from '../../src/sharding/sharded-options.ts'
import { shardedStore } from '../../src/sharding/sharded-store.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { type FaultyStore, faultyStore } from '../../src/testing/faulty-store.ts'

const names = ['a', 'b', 'c']

/** Three servers, and processes that each see them through lines of their own. */
function lab(onFailure: OnFailure) {
  const clock = fakeClock()
  const memories = names.map((name) => memoryStore({ name, clock }))
  const lines: FaultyStore[][] = []
  const process = () => {
    const line = memories.map((memory) => {
      const { bus: _, ...withoutBus } = memory
      return faultyStore(withoutBus, { clock, faults: [] })
    })
    lines.push(line)
    const servers = line.map((store, index) => ({ name: names[index]!, store }))
    const store = shardedStore({ servers, onFailure, clock })
    const cache = createCache({
      namespace: 'app',
      store,
      memory: false,
      clock,
      defaults: { jitter: 0, earlyRefresh: false, ttl: '1h' },
    })
    cache.on('error', () => {})
    return { store, cache }
  }
  const play = (server: number, run: (line: FaultyStore) => void) => {
    for (const line of lines) run(line[server]!)
  }
  return {
    clock,
    process,
    kill: (server: number) => play(server, (line) => line.play([{ kind: 'reject' }])),
    freeze: (server: number) => play(server, (line) => line.play([{ kind: 'hang' }])),
    revive: (server: number) => play(server, (line) => line.heal()),
  }
}

/** Lets time pass until `work` is done. */
async function during<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let done = false
  const end = work.finally(() => {
    done = true
  })
  end.catch(() => {})
  for (let steps = 0; !done && steps < 500; steps++) await clock.advance(10)
  return end
}

const keys = Array.from({ length: 120 }, (_, number) => `user:${number}`)
const policies = ['fail-fast', 'gutter', 'rehash', 'replica'] as const

for (const onFailure of policies) {
  for (const server of [0, 1, 2]) {
    for (const how of ['kill', 'freeze'] as const) {
      test(`${onFailure}: of three servers, ${how} of the ${server + 1}. loses its keys and nobody else's, versions included`, async () => {
        const world = lab(onFailure)
        const { clock } = world
        const { store, cache } = world.process()
        let loads = 0
        const load = async ({ key }: { key: string }) => {
          loads++
          return `value of ${key}`
        }
        const wrap = (key: string) => cache.wrap(key, load, { tags: [`tag:${key.length}`] })
        await during(clock, Promise.all(keys.map(wrap)))
        expect(loads).toBe(keys.length)

        world[how](server)
        const lost = keys.filter((key) => store.explain(`app:${key}`).server === names[server])
        expect(lost.length).toBeLessThan(keys.length * 0.45)
        loads = 0
        for (let rounds = 0; rounds < 3; rounds++) {
          const all = await during(clock, Promise.all(keys.map(wrap)))
          expect(all).toEqual(keys.map((key) => `value of ${key}`))
        }
        const alive = keys.filter((key) => !lost.includes(key))
        loads = 0
        const values = await during(clock, Promise.all(alive.map(wrap)))
        expect(values).toHaveLength(alive.length)
        expect(loads).toBe(0)
        await cache.close()
        await store.close()
        expect(clock.pendingTimers).toBe(0)
      })
    }
  }

  test(`${onFailure}: what is invalidated while a server is out is gone when it returns with old data, for every process`, async () => {
    const world = lab(onFailure)
    const { clock } = world
    const [one, two] = [world.process(), world.process()]
    const versions = new Map<string, number>()
    const wrap = (cache: typeof one.cache, key: string) =>
      cache.wrap(key, async () => versions.get(key) ?? 0, { tags: [`tag:${key.at(-1)}`] })
    const all = () =>
      Promise.all(keys.flatMap((key) => [wrap(one.cache, key), wrap(two.cache, key)]))
    await during(clock, all())

    world.kill(1)
    await during(clock, all())
    const touched = keys.slice(0, 40)
    for (const key of touched) versions.set(key, 1)
    const outcomes = await during(
      clock,
      Promise.allSettled(touched.map((key) => one.cache.delete(key))),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(InvalidationError)
    }
    const tagged = keys.slice(40).filter((key) => key.endsWith('7'))
    for (const key of tagged) versions.set(key, 1)
    await during(
      clock,
      one.cache.invalidateTags(['tag:7']).catch(() => {}),
    )

    const check = async (cache: typeof one.cache) => {
      for (const key of [...touched, ...tagged])
        expect([key, await during(clock, wrap(cache, key))]).toEqual([key, 1])
    }
    await check(one.cache)
    world.revive(1)
    await clock.advance(10_000)
    await check(two.cache)
    await check(one.cache)
    // twemproxy's own time to try again.
    if (onFailure === 'rehash') await clock.advance(30_000)
    expect(one.store.stats().servers.b).toMatchObject({ state: 'in', missedDeletes: 0 })
    await check(two.cache)
    await check(one.cache)
    await Promise.all([one.cache.close(), two.cache.close()])
    await Promise.all([one.store.close(), two.store.close()])
    expect(clock.pendingTimers).toBe(0)
  })
}

test('a dead server of three opens no breaker around the store: the others go on being asked', async () => {
  const world = lab('fail-fast')
  const { clock } = world
  const { cache } = world.process()
  const states: string[] = []
  cache.on('breaker', ({ state }) => states.push(state))
  await during(clock, Promise.all(keys.map((key) => cache.wrap(key, () => 1))))
  world.kill(0)
  for (let rounds = 0; rounds < 20; rounds++) {
    await during(clock, Promise.allSettled(keys.map((key) => cache.delete(key))))
    await during(clock, Promise.all(keys.map((key) => cache.wrap(key, () => 1))))
  }
  expect(states).toEqual([])
  world.kill(1)
  world.kill(2)
  for (let rounds = 0; rounds < 20; rounds++)
    await during(clock, Promise.all(keys.map((key) => cache.wrap(key, () => 1))))
  expect(states).toContain('open')
  await cache.close()
})

test('explain names the server that a key is on, and a prefixed store around it knows it too', async () => {
  const world = lab('fail-fast')
  const { clock } = world
  const { cache, store } = world.process()
  await during(
    clock,
    cache.wrap('key', () => 1),
  )
  const { server } = store.explain('app:key')
  expect(await during(clock, cache.explain('key'))).toMatchObject({ shard: server })
  const inside = createCache({ namespace: 'app', store: prefixedStore(store, 'x:'), clock })
  await during(
    clock,
    inside.wrap('key', () => 1),
  )
  const { shard } = await during(clock, inside.explain('key'))
  expect(shard).toBe(store.explain('x:app:key').server)
  await inside.close()
  await cache.close()
})
