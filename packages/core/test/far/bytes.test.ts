import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import { held } from '../held.ts'
import { Processes, watched } from './processes.ts'

/** A store with its three required methods and nothing else. */
function bare(store: Store): Store {
  const { name, capabilities, get, set, delete: remove } = store
  return { name, capabilities, get, set, delete: remove }
}

describe('bytes in the store that are not what they should be', () => {
  const damages: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ['foreign', () => Buffer.from('{"another":"program"}')],
    ['empty', () => new Uint8Array()],
    ['cut', (bytes) => bytes.subarray(0, bytes.length - 3)],
    ['extended', (bytes) => Buffer.concat([bytes, Buffer.from('more')])],
    ['of a later format', (bytes) => Buffer.concat([Buffer.of(0xa1), bytes.subarray(1)])],
    ['shorter than a head', (bytes) => bytes.subarray(0, 5)],
  ]
  it.each(damages)(
    '%s are a counted miss, told of, and replaced by the next load',
    async (_name, damage) => {
      const world = new Processes()
      const { cache } = world.start({ memory: false })
      await cache.set('key', { a: 1 })
      const stored = world.backing.read('default:key')
      if (stored === undefined) throw new Error('nothing is stored')
      world.backing.write('default:key', damage(stored), 60_000)
      const refused: string[] = []
      cache.on('refused', ({ key, reason }) => refused.push(`${key}: ${reason}`))
      expect(await cache.get('key')).toBeUndefined()
      expect(cache.stats().refused).toBe(1)
      expect(refused).toHaveLength(1)
      expect(refused[0]).toMatch(/^key: \w+/)
      expect(await cache.wrap('key', () => 'new')).toBe('new')
      await world.rest()
      expect(await cache.get('key')).toBe('new')
      await world.close()
    },
  )

  it('with any one bit turned over are never served, and never thrown over', async () => {
    const world = new Processes()
    const { cache } = world.start({ memory: false })
    await cache.set('key', { name: 'value' }, { tags: ['t'] })
    const stored = Buffer.from(world.backing.read('default:key') ?? [])
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const flipped = Buffer.from(stored)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      world.backing.write('default:key', flipped, 60_000)
      expect(await cache.get('key')).toBeUndefined()
    }
    expect(cache.stats().refused).toBe(stored.length * 8)
    await world.close()
  })

  it('of another key are never served', async () => {
    const world = new Processes()
    const { cache } = world.start({ memory: false })
    await cache.set('one', 1)
    world.backing.write('default:two', world.backing.read('default:one') as Uint8Array, 60_000)
    expect(await cache.get('two')).toBeUndefined()
    expect(await cache.get('one')).toBe(1)
    await world.close()
  })

  it('in the place of a version cost a load and stand in nobody’s way', async () => {
    const world = new Processes()
    const { cache } = world.start({ memory: false })
    await cache.set('key', 1, { tags: ['t'] })
    for (const key of ['default:/%n', 'default:/%t/t']) {
      world.backing.write(key, Buffer.from('nonsense'), 60_000)
      expect(await cache.get('key')).toBeUndefined()
      expect(await cache.wrap('key', () => 2, { tags: ['t'] })).toBe(2)
      await world.rest()
      expect(await cache.get('key')).toBe(2)
    }
    await world.close()
  })

  it('in the place of a claim on a refresh stop no refresh', async () => {
    const world = new Processes()
    const { cache } = world.start({ memory: false })
    const life = { ttl: 100, staleWhileRevalidate: 10_000 }
    await cache.set('key', 'old', life)
    await world.clock.advance(200)
    world.backing.write('default:/%r/key', Buffer.from('nonsense'), 60_000)
    expect(await cache.wrap('key', () => 'new', life)).toBe('old')
    await world.rest()
    expect(await cache.get('key')).toBe('new')
    await world.close()
  })
})

describe('a version that the store has lost', () => {
  it.each([
    ['of a tag', 'default:/%t/t'],
    ['of the namespace', 'default:/%n'],
  ])('%s makes a miss, and never brings an old value back', async (_name, key) => {
    const world = new Processes()
    const one = world.start({ memory: false })
    const two = world.start({ memory: false })
    await one.cache.set('key', 'first', { tags: ['t'] })
    const first = world.backing.read('default:key') as Uint8Array
    await two.cache.invalidateTags(['t'])
    await two.cache.clear()
    world.backing.remove(key)
    world.backing.write('default:key', first, 60_000)
    expect(await one.cache.get('key')).toBeUndefined()
    expect(await two.cache.get('key')).toBeUndefined()
    expect(await one.cache.wrap('key', () => 'second', { tags: ['t'] })).toBe('second')
    await world.rest()
    expect(await two.cache.get('key')).toBe('second')
    world.backing.write('default:key', first, 60_000)
    expect(await one.cache.get('key')).toBeUndefined()
    await world.close()
  })
})

describe('a value that cannot be stored', () => {
  it('because it is larger than the store takes is returned, counted and not kept there', async () => {
    const world = new Processes()
    const options = {
      storeOf: (store: Store) => ({
        ...store,
        capabilities: { ...store.capabilities, maxValueBytes: 200 },
      }),
    }
    const { cache } = world.start(options)
    await cache.set('key', 'small')
    const large = 'x'.repeat(500)
    expect(await cache.wrap('cold', () => large)).toBe(large)
    await cache.set('key', large)
    await world.rest()
    expect(cache.stats().codecErrors).toBe(2)
    expect(world.backing.read('default:key')).toBeUndefined()
    const other = world.start(options)
    expect(await other.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('because it is a function is returned, and leaves nothing of what a refresh was to replace', async () => {
    const world = new Processes()
    const { cache } = world.start({ memory: { values: 'shared' } })
    const life = { ttl: 100, staleWhileRevalidate: 10_000 }
    await cache.set('key', 'old', life)
    await world.clock.advance(200)
    const value = () => 1
    expect(await cache.wrap<unknown>('key', () => value, { ...life, refresh: true })).toBe(value)
    await world.rest()
    expect(cache.stats().codecErrors).toBe(1)
    expect(await world.start({ memory: false }).cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('because the serializer throws is a counted CodecError, and no failure of the store', async () => {
    const world = new Processes()
    const codec = {
      serializer: {
        name: 'broken',
        serialize: () => {
          throw new TypeError('cannot')
        },
        deserialize: () => undefined,
      },
    }
    const { cache, far } = world.start({ codec })
    const errors: string[] = []
    cache.on('error', ({ kind }) => errors.push(kind))
    expect(await cache.wrap('key', () => 1)).toBe(1)
    await cache.set('other', 2)
    await world.rest()
    expect(cache.stats()).toMatchObject({ codecErrors: 2, storeErrors: 0 })
    expect(errors).toEqual(['codec', 'codec'])
    expect(far.tier.journal.isEmpty).toBe(true)
    await world.close()
  })

  it('of another process’s own serializer is a counted miss for its key only', async () => {
    class Own {
      readonly text: string
      constructor(text: string) {
        this.text = text
      }
    }
    const codec = {
      serializer: {
        name: 'own',
        serialize: (value: unknown) => Buffer.from((value as Own).text ?? String(value)),
        deserialize: (bytes: Uint8Array) => {
          const text = Buffer.from(bytes).toString()
          return text === 'plain' ? text : new Own(text)
        },
      },
    }
    const world = new Processes()
    const sharing = world.start({ codec, memory: { values: 'shared' } })
    const isolating = world.start({ codec })
    await sharing.cache.set('own', new Own('instance'))
    await sharing.cache.set('plain', 'plain')
    expect([...(await isolating.cache.getMany(['own', 'plain']))]).toEqual([['plain', 'plain']])
    expect(isolating.cache.stats().codecErrors).toBe(1)
    expect(isolating.cache.stats().storeErrors).toBe(0)
    await world.close()
  })
})

it('a key that setMany is given twice has the last value, in both tiers', async () => {
  const world = new Processes()
  const { cache } = world.start()
  await cache.setMany([
    ['key', 1],
    ['key', 2],
  ])
  expect(cache.peek('key')).toBe(2)
  expect(await world.start().cache.get('key')).toBe(2)
  await world.close()
})

it('a set that an expire follows at once is not lost to what was there before', async () => {
  const world = new Processes()
  const { cache } = world.start()
  const life = { ttl: 10_000, staleWhileRevalidate: 10_000 }
  await cache.set('key', 'old', life)
  await Promise.all([cache.set('key', 'new', life), cache.expire('key')])
  expect(await cache.get('key')).not.toBe('old')
  expect(await world.start().cache.get('key')).not.toBe('old')
  await world.close()
})

it('a delete that follows a set at once has the last word, in both tiers', async () => {
  const world = new Processes()
  const { cache } = world.start()
  await Promise.all([cache.set('key', 'set'), cache.delete('key')])
  expect(await cache.get('key')).toBeUndefined()
  expect(await world.start().cache.get('key')).toBeUndefined()
  await Promise.all([cache.delete('key'), cache.set('key', 'set')])
  expect(await cache.get('key')).toBe('set')
  expect(await world.start().cache.get('key')).toBe('set')
  await world.close()
})

describe('a store that can little', () => {
  it('with three methods is read, written and invalidated; each process loads a cold key once', async () => {
    const world = new Processes()
    const one = world.start({ memory: false, storeOf: bare })
    const two = world.start({ memory: false, storeOf: bare })
    const { load, runs } = held<string>()
    const answers = [one, one, two, two].map(({ cache }) =>
      cache.wrap('key', load, { tags: ['t'] }),
    )
    await world.rest()
    expect(runs).toHaveLength(2)
    for (const run of runs) run.resolve('value')
    expect(await Promise.all(answers)).toEqual(['value', 'value', 'value', 'value'])
    await world.rest()
    expect(await two.cache.get('key')).toBe('value')
    await two.cache.invalidateTags(['t'])
    expect(await one.cache.get('key')).toBeUndefined()
    await one.cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    expect([...(await two.cache.getMany(['a', 'b', 'c']))]).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    await two.cache.delete(['a', 'b'])
    await one.cache.set('c', 3, { ttl: 1_000, staleWhileRevalidate: 1_000 })
    await one.cache.expire('c')
    await two.cache.clear()
    expect((await one.cache.getMany(['a', 'b', 'c'])).size).toBe(0)
    await world.close()
  })

  it('that takes short keys only keeps long ones under their digest, each its own', async () => {
    const world = new Processes()
    const storeOf = (store: Store) => ({
      ...store,
      capabilities: { ...store.capabilities, maxKeyBytes: 100 },
    })
    const one = world.start({ memory: false, storeOf })
    const two = world.start({ memory: false, storeOf })
    const long = 'k'.repeat(4_000)
    expect(await one.cache.wrap(`${long}1`, () => 1, { tags: ['t'.repeat(200)] })).toBe(1)
    expect(await one.cache.wrap(`${long}2`, () => 2)).toBe(2)
    await world.rest()
    expect(await two.cache.get(`${long}1`)).toBe(1)
    expect(await two.cache.get(`${long}2`)).toBe(2)
    await two.cache.delete(`${long}2`)
    expect(await one.cache.get(`${long}2`)).toBeUndefined()
    await two.cache.invalidateTags(['t'.repeat(200)])
    expect(await one.cache.get(`${long}1`)).toBeUndefined()
    expect(world.backing.keys().every((key) => Buffer.byteLength(key) <= 100)).toBe(true)
    expect(one.cache.stats().storeErrors).toBe(0)
    await world.close()
  })
})

describe('back-fill', () => {
  it('gives a near entry the rest of its life, and asks the store again after a second without a bus', async () => {
    const world = new Processes()
    const one = world.start({ memory: false })
    const two = world.start()
    await one.cache.set('key', 'old', { ttl: 60_000 })
    expect(await two.cache.get('key')).toBe('old')
    const reads = two.store.calls('getMany')
    await world.clock.advance(999)
    expect(await two.cache.get('key')).toBe('old')
    expect(two.store.calls('getMany')).toBe(reads)
    await one.cache.delete('key')
    await world.clock.advance(1)
    expect(await two.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('counts that second from when the store was asked, however long the answer took', async () => {
    const world = new Processes()
    const one = world.start({ memory: false })
    const two = world.start()
    await one.cache.set('key', 'old')
    two.store.play([{ kind: 'delay', ms: 150 }])
    const reading = watched(two.cache.get('key'))
    await world.clock.advance(150)
    expect(reading.value).toBe('old')
    two.store.play([])
    await world.clock.advance(850)
    await one.cache.delete('key')
    expect(await two.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('counts it from when the versions were read, however long the load took', async () => {
    const world = new Processes()
    const one = world.start()
    const two = world.start()
    const { load, runs } = held<string>()
    const loading = one.cache.wrap('key', load, { tags: ['t'] })
    await world.clock.advance(100)
    await two.cache.invalidateTags(['t'])
    await world.clock.advance(3_000)
    runs[0]?.resolve('from before')
    expect(await loading).toBe('from before')
    await world.rest()
    expect(await one.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('serves a value to callers from before a tag of it was invalidated, and keeps it from all others', async () => {
    const world = new Processes()
    const { cache, store } = world.start({ withBus: true })
    await world.clock.advance(10)
    await cache.set('key', 'old', { tags: ['t'], ttl: 60_000 })
    await world.clock.advance(31_000)
    const getMany = store.getMany?.bind(store)
    let answer = () => {}
    store.getMany = async (keys) => {
      const read = (await getMany?.(keys)) ?? []
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return read
    }
    const before = watched(cache.wrap('key', () => 'new', { tags: ['t'] }))
    await world.rest()
    if (getMany !== undefined) store.getMany = getMany
    await cache.invalidateTags(['t'])
    answer()
    await world.rest()
    expect(before.value).toBe('old')
    expect(cache.peek('key')).toBeUndefined()
    expect(await cache.wrap('key', () => 'new', { tags: ['t'] })).toBe('new')
    await world.close()
  })

  it('serves what is stored under other tags where tags are invalidated all the time', async () => {
    const world = new Processes()
    const { cache, store } = world.start()
    await cache.set('key', 'value', { tags: ['t'], ttl: 60_000 })
    await world.clock.advance(2_000)
    store.play([{ kind: 'delay', ms: 5, on: 'getMany' }])
    const reads = [watched(cache.get('key')), watched(cache.wrap('key', () => 'loaded'))]
    for (let ms = 0; ms < 20; ms++) {
      await cache.invalidateTags(['other'])
      await world.clock.advance(1)
    }
    expect(reads.map(({ value }) => value)).toEqual(['value', 'value'])
    await world.close()
  })

  it('keeps nothing near that was invalidated here while the answer was on its way', async () => {
    for (const act of ['delete', 'tags', 'clear'] as const) {
      const world = new Processes()
      const { cache, store } = world.start({ withBus: true })
      await world.clock.advance(10)
      await cache.set('key', 'old', { tags: ['t'] })
      await world.clock.advance(31_000)
      // The answer of a read that took place, late: two of them, so that one is not the latest.
      const getMany = store.getMany?.bind(store)
      const answers: (() => void)[] = []
      store.getMany = async (keys) => {
        const read = (await getMany?.(keys)) ?? []
        await new Promise<void>((resolve) => answers.push(resolve))
        return read
      }
      const first = watched(cache.get('key'))
      await world.rest()
      const second = watched(cache.getMany(['key']))
      await world.rest()
      if (getMany !== undefined) store.getMany = getMany
      if (act === 'delete') await cache.delete('key')
      else if (act === 'tags') await cache.invalidateTags(['t'])
      else await cache.clear()
      for (const answer of answers) answer()
      await world.rest()
      for (const answer of answers) answer()
      await world.rest()
      expect([first.settled, second.settled]).toEqual([true, true])
      expect(cache.peek('key')).toBeUndefined()
      expect(await cache.get('key')).toBeUndefined()
      await world.close()
    }
  })
})

describe('a store that cannot add', () => {
  it('keeps what many loads at once bring under a tag that nobody has used before', async () => {
    const world = new Processes()
    const slowly = (store: Store): Store => ({
      ...bare(store),
      set: async (...args) => {
        await new Promise((resolve) => setImmediate(resolve))
        return store.set(...args)
      },
    })
    const { cache } = world.start({ memory: false, storeOf: slowly })
    const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
    await Promise.all(keys.map((key) => cache.wrap(key, () => key, { tags: ['new'] })))
    await world.rest()
    expect(await cache.getMany(keys)).toEqual(new Map(keys.map((key) => [key, key])))
    await world.close()
  })
})
