import { describe, expect, it } from 'vitest'
import { memoryBus } from '../../src/store/memory-bus.ts'
import { Processes } from './processes.ts'

async function two(world: Processes) {
  const one = world.start({ withBus: true })
  const other = world.start({ withBus: true })
  await world.clock.advance(1_100)
  const reasons: string[] = []
  other.cache.on('bus', ({ reason }) => reasons.push(reason))
  await one.cache.setMany([
    ['key', 'old'],
    ['bystander', 'kept'],
  ])
  await one.cache.set('tagged', 'old', { tags: ['t'] })
  for (const key of ['key', 'bystander', 'tagged']) await other.cache.get(key)
  await world.rest()
  return { one, other, reasons }
}

describe('an invalidation that the bus carries', () => {
  it('takes what it names out of the other near tiers at once, and nothing else', async () => {
    const world = new Processes()
    const { one, other, reasons } = await two(world)
    await one.cache.delete('key')
    await one.cache.invalidateTags(['t'])
    await world.rest()
    expect(other.cache.peek('key')).toBeUndefined()
    expect(other.cache.peek('tagged')).toBeUndefined()
    expect(other.cache.peek('bystander')).toBe('kept')
    await one.cache.set('bystander', 'new')
    await world.rest()
    expect(await other.cache.get('bystander')).toBe('new')
    await one.cache.clear()
    await world.rest()
    expect(other.cache.peek('bystander')).toBeUndefined()
    expect(reasons).toEqual([])
    await world.close()
  })

  it('leaves a tag that was expired to the windows, in place, and takes one that was invalidated out', async () => {
    const world = new Processes()
    const windows = { defaults: { ttl: '1h', staleWhileRevalidate: '1m' }, withBus: true } as const
    const [one, other] = [world.start(windows), world.start(windows)]
    await world.clock.advance(1_100)
    const tagged = { tags: ['t'] }
    await one.cache.set('key', 'old', tagged)
    await other.cache.get('key')
    await world.rest()
    await one.cache.expireTags(['t'])
    await world.rest()
    expect(other.cache.peek('key')).toBe('old')
    expect(await other.cache.explain('key')).toMatchObject({ status: 'stale', tier: 'near' })
    await one.cache.invalidateTags(['t'])
    await world.rest()
    expect(other.cache.peek('key')).toBeUndefined()
    await world.close()
  })

  it('lets what one process has refreshed be looked up by the others, who had not noticed yet that it was stale', async () => {
    const world = new Processes()
    const windows = { defaults: { ttl: '1h', staleWhileRevalidate: '1m' }, withBus: true } as const
    const [one, other] = [world.start(windows), world.start(windows)]
    await world.clock.advance(1_100)
    const tagged = { tags: ['t'] }
    await one.cache.set('key', 'old', tagged)
    await other.cache.get('key')
    await one.cache.expireTags(['t'])
    expect(await one.cache.wrap('key', () => 'new', tagged)).toBe('old')
    await world.rest()
    expect(await other.cache.get('key')).toBe('new')
    await world.close()
  })

  it('sends a get that it overtakes to look once more, unless the store is slow', async () => {
    const world = new Processes()
    const { one, other } = await two(world)
    await one.cache.set('key', 'before')
    await world.rest()
    for (const [ms, expected] of [
      [20, 'new'],
      [100, undefined],
    ] as const) {
      other.store.play([{ kind: 'delay', ms }])
      const reading = other.cache.get('key')
      await world.rest()
      await one.cache.set('key', 'new')
      await world.rest()
      other.store.play([])
      await world.clock.advance(ms)
      await world.rest()
      expect(await reading).toBe(expected)
      await one.cache.set('key', 'before')
      await world.rest()
    }
    await world.close()
  })

  it('concerns a namespace where it was called, and what is inside', async () => {
    const world = new Processes()
    const { one, other } = await two(world)
    await one.cache.namespace('a').set('key', 'in a', { tags: ['t'] })
    await one.cache
      .namespace('a')
      .namespace('b')
      .set('key', 'in b', { tags: ['t'] })
    const [a, b] = [other.cache.namespace('a'), other.cache.namespace('a').namespace('b')]
    await a.get('key')
    await b.get('key')
    await one.cache.namespace('a').namespace('b').invalidateTags(['t'])
    await world.rest()
    expect([other.cache.peek('key'), a.peek('key'), b.peek('key')]).toEqual([
      'old',
      'in a',
      undefined,
    ])
    await one.cache.namespace('a').clear()
    await world.rest()
    expect([other.cache.peek('key'), a.peek('key')]).toEqual(['old', undefined])
    await world.close()
  })

  it('of more keys than a message holds arrives whole', async () => {
    const world = new Processes()
    const { one, other, reasons } = await two(world)
    const keys = Array.from({ length: 1_200 }, (_none, index) => `key ${index}`)
    await one.cache.setMany(keys.map((key) => [key, 1] as const))
    await other.cache.getMany(keys)
    await one.cache.delete(keys)
    await world.rest()
    expect(keys.filter((key) => other.cache.peek(key) !== undefined)).toEqual([])
    expect(reasons).toEqual([])
    await world.close()
  })

  it('that comes late takes no newer set out of the store', async () => {
    const world = new Processes()
    const { one, other } = await two(world)
    other.bus.play([{ kind: 'delay', ms: 10 }])
    await one.cache.delete('key')
    other.store.play([{ kind: 'delay', ms: 20 }])
    const setting = other.cache.set('key', 'new')
    await world.clock.advance(100)
    await setting
    expect(await one.cache.get('key')).toBe('new')
    await world.close()
  })

  it('does not concern a cache of another namespace', async () => {
    const world = new Processes()
    const one = world.start({ withBus: true, namespace: 'a' })
    const other = world.start({ withBus: true, namespace: 'a:b' })
    await world.clock.advance(10)
    await other.cache.set('key', 'value')
    await one.cache.clear()
    await one.cache.delete('key')
    await world.rest()
    expect(other.cache.peek('key')).toBe('value')
    await world.close()
  })
})

describe('a near tier is looked up again', () => {
  it('within a beat of a message that was lost, though nobody noticed', async () => {
    const world = new Processes()
    const { one, other, reasons } = await two(world)
    other.bus.play([{ kind: 'drop' }])
    await one.cache.delete('key')
    await world.rest()
    expect(other.cache.peek('key')).toBe('old')
    other.bus.play([])
    await world.clock.advance(1_100)
    expect(reasons).toContain('gap')
    expect(await other.cache.get('key')).toBeUndefined()
    expect(await other.cache.get('bystander')).toBe('kept')
    expect(other.cache.stats().busGaps).toBeGreaterThan(0)
    await world.close()
  })

  it('when a message that could not be sent began a new epoch', async () => {
    const world = new Processes()
    const { one, other, reasons } = await two(world)
    one.bus.cut()
    await one.cache.delete('key')
    await world.rest()
    expect(other.cache.peek('key')).toBe('old')
    one.bus.heal()
    await world.clock.advance(1_100)
    expect(reasons).toContain('gap')
    expect(await other.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('when that cache had never been heard of before', async () => {
    const world = new Processes()
    const silent = world.start({ withBus: true })
    silent.bus.cut()
    const other = world.start({ withBus: true })
    await world.clock.advance(4_000)
    await silent.cache.set('key', 'old')
    expect(await other.cache.get('key')).toBe('old')
    await silent.cache.delete('key')
    silent.bus.heal()
    await world.clock.advance(1_100)
    expect(await other.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it.each([0, 300, 600, 900])(
    'at most 3.1 s after a delete while nothing comes, %i ms after the last beat, though the bus says nothing',
    async (afterBeatMs) => {
      const world = new Processes()
      const { one, other, reasons } = await two(world)
      await world.clock.advance(afterBeatMs)
      other.bus.silence()
      await one.cache.delete('key')
      await world.clock.advance(3_100)
      expect(reasons).toContain('silence')
      expect(await other.cache.get('key')).toBeUndefined()
      expect((await other.cache.explain('key')).maxAgeMs).toBe(1_000)
      other.bus.heal()
      await world.clock.advance(2_200)
      expect((await other.cache.explain('key')).maxAgeMs).toBe(30_000)
      await world.close()
    },
  )

  it('when the bus goes down and when it comes up again', async () => {
    const world = new Processes()
    const { one, other, reasons } = await two(world)
    other.bus.cut()
    await world.rest()
    expect(await other.cache.get('key')).toBe('old')
    await one.cache.delete('key')
    await world.clock.advance(1_000)
    expect(await other.cache.get('key')).toBeUndefined()
    await one.cache.set('key', 'new')
    expect(await other.cache.get('key')).toBe('new')
    other.bus.heal()
    await world.rest()
    expect(other.cache.peek('key')).toBeUndefined()
    expect(reasons).toEqual(['down', 'up'])
    await world.close()
  })

  it('where the first message that a newcomer should have heard was lost', async () => {
    const world = new Processes()
    const one = world.start({ withBus: true })
    await one.cache.set('key', 'old')
    await world.clock.advance(5_500)
    const newcomer = world.start({ withBus: true })
    await world.clock.advance(10)
    expect(await newcomer.cache.get('key')).toBe('old')
    newcomer.bus.play([{ kind: 'drop' }])
    await one.cache.delete('key')
    await world.rest()
    newcomer.bus.play([])
    await world.clock.advance(1_500)
    expect(await newcomer.cache.get('key')).toBeUndefined()
    await world.close()
  })
})

describe('messages', () => {
  it('that are none change nothing and are told of', async () => {
    const world = new Processes()
    const { other, reasons } = await two(world)
    const bus = memoryBus(world.backing.hub)
    const origin = 'f'.repeat(32)
    const good = {
      v: 1,
      origin,
      epoch: origin,
      seq: 1,
      root: 'default',
      what: { type: 'clear', path: [] },
    }
    const bad = [
      'no json',
      '[]',
      'null',
      '{"__proto__":{"polluted":true}}',
      JSON.stringify({ ...good, v: 2 }),
      JSON.stringify({ ...good, seq: '1' }),
      JSON.stringify({ ...good, seq: 1.5 }),
      JSON.stringify({ ...good, what: { type: 'keys', path: [], keys: [1], expire: false } }),
      JSON.stringify({ ...good, what: { type: 'keys', path: 'a', keys: [], expire: false } }),
      JSON.stringify({ ...good, what: { type: 'tags', path: [], tags: ['t'], expire: 1 } }),
      JSON.stringify({ ...good, what: { type: 'unknown' } }),
      JSON.stringify({ ...good, what: null }),
      JSON.stringify({ ...good, what: { type: 'done', path: Array(50_000).fill('a'), key: 'k' } }),
      'x'.repeat(2 * 1024 * 1024),
    ]
    for (const text of bad) await bus.publish(Buffer.from(text))
    await bus.publish(Buffer.of(0xff, 0xfe, 0x00))
    await world.rest()
    expect(reasons).toEqual([...bad, 'bytes'].map(() => 'malformed'))
    expect(other.cache.peek('key')).toBe('old')
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    await world.close()
  })

  it('that come twice or in another order cost a look at the store and change nothing else', async () => {
    const world = new Processes()
    const { one, other } = await two(world)
    other.bus.play([{ kind: 'duplicate' }, { kind: 'reorder', nth: { every: 2 } }])
    for (let round = 0; round < 20; round++) {
      await one.cache.set('key', round)
      await world.clock.advance(300)
    }
    other.bus.play([])
    await world.clock.advance(1_100)
    expect(await other.cache.get('key')).toBe(19)
    expect(await other.cache.get('bystander')).toBe('kept')
    await world.close()
  })
})

it('without a bus, on purpose, a near tier believes itself for a second and nobody is told anything', async () => {
  const world = new Processes()
  const { cache } = world.start()
  expect((await cache.explain('key')).maxAgeMs).toBe(1_000)
  expect(world.backing.hub.size).toBe(0)
  await world.close()
})
