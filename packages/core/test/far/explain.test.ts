import { expect, it } from 'vitest'
import { Processes, watched } from './processes.ts'

it('explains an entry that only the store has, and counts nothing', async () => {
  const world = new Processes()
  const one = world.start()
  const two = world.start()
  await one.cache.wrap('key', () => ({ name: 'value' }), { ttl: 60_000, tags: ['t'] })
  await world.rest()
  const before = two.cache.stats()
  expect(await two.cache.explain('key')).toMatchObject({
    status: 'fresh',
    tier: 'far',
    tags: ['t'],
    storedAt: world.clock.now(),
    staleAt: world.clock.now() + 60_000,
    expiresAt: world.clock.now() + 60_000,
    goneBecause: undefined,
    maxAgeMs: 1_000,
    off: false,
  })
  expect((await two.cache.explain('key')).bytes).toBeGreaterThan(50)
  expect(two.cache.stats()).toEqual(before)
  expect(two.cache.peek('key')).toBeUndefined()
  expect((await one.cache.explain('key')).tier).toBe('near')
  await world.close()
})

it('explains why an entry in the store is not usable', async () => {
  const world = new Processes()
  const { cache } = world.start({ memory: false })
  const status = async () => {
    const { status, goneBecause, staleBecause, tier } = await cache.explain('key')
    return { status, because: goneBecause ?? staleBecause, tier }
  }
  expect(await status()).toEqual({ status: 'absent', because: undefined, tier: undefined })
  await cache.set('key', 1, { tags: ['t'] })
  await cache.invalidateTags(['t'])
  expect(await status()).toEqual({ status: 'absent', because: 'tag t', tier: undefined })
  await cache.set('key', 1)
  await cache.clear()
  expect(await status()).toEqual({ status: 'absent', because: 'clear', tier: undefined })
  await cache.set('key', 1, { ttl: 100, staleWhileRevalidate: 100 })
  await world.clock.advance(150)
  expect(await status()).toEqual({ status: 'stale', because: 'ttl', tier: 'far' })
  world.backing.write('default:key', Buffer.from('{"not":"ours"}'), 1_000)
  expect(await status()).toMatchObject({ status: 'absent', tier: undefined })
  expect((await status()).because).toMatch(/^refused /)
  expect(cache.stats().refused).toBe(0)
  await world.close()
})

it('explains a load in another process as one under way, and a store that does not answer as nothing', async () => {
  const world = new Processes()
  const one = world.start()
  const two = world.start()
  const loading = watched(
    one.cache.wrap('key', () => new Promise(() => {}), { loadTimeout: 5_000 }),
  )
  await world.rest()
  expect(await two.cache.explain('key')).toMatchObject({ status: 'loading', loading: true })
  two.store.play([{ kind: 'reject' }])
  expect(await two.cache.explain('key')).toMatchObject({ status: 'absent', loading: false })
  await world.clock.advance(5_000)
  expect(loading.settled).toBe(true)
  await world.close()
})

it('says how long the near tier believes an entry: 30 s with a bus, 1 s without and while it cannot be believed', async () => {
  const world = new Processes()
  const maxAgeMs = async (cache: { explain(key: string): Promise<{ maxAgeMs: unknown }> }) =>
    (await cache.explain('key')).maxAgeMs
  const withBus = world.start({ withBus: true })
  await world.clock.advance(10)
  expect(await maxAgeMs(withBus.cache)).toBe(30_000)
  withBus.bus.cut()
  expect(await maxAgeMs(withBus.cache)).toBe(1_000)
  expect(await maxAgeMs(world.start().cache)).toBe(1_000)
  expect(await maxAgeMs(world.start({ memory: { maxAge: 5_000 } }).cache)).toBe(5_000)
  expect(await maxAgeMs(world.start({ memory: false }).cache)).toBeUndefined()
  await world.close()
})
