import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import { type Held, held } from '../held.ts'
import { type Process, Processes, watched } from './processes.ts'

const ttl = 1_000
const swr = { ttl, staleWhileRevalidate: 60_000 }
const sie = { ttl, staleIfError: 60_000, softTimeout: 500 }

let world: Processes
let asked: number
let loading: Held<string>

beforeEach(() => {
  world = new Processes()
  asked = 0
  loading = held<string>()
})
afterEach(() => world.close())

/** Notes how often the store is asked for the key. */
const noting = (store: Store): Store => ({
  ...store,
  getMany(keys) {
    if (keys.includes('default:key')) asked++
    return store.getMany!(keys)
  },
})

/** A process whose store holds the key, as old as told; nothing is near. */
async function holding(
  life: object,
  ageMs: number,
  options: { memory?: false } = { memory: false },
): Promise<Process> {
  const process = world.start({ ...options, storeOf: noting })
  await process.cache.set('key', 'old', life)
  await world.clock.advance(ageMs)
  asked = 0
  return process
}

/** What a promise has come to once everything has run that needs no time; `undefined` where it still waits. */
async function soon<T>(answer: Promise<T>): Promise<T | undefined> {
  const seen = watched(answer)
  await world.rest()
  return seen.value
}

const tiers = [
  ['without a near tier', { memory: false }],
  ['with a near tier that believes the value no more', {}],
] as const

describe.each(tiers)('a cache %s', (_name, options) => {
  it('keeps no caller waiting for a refresh behind another one, in wrap and wrapMany', async () => {
    const { cache } = await holding(swr, ttl + 100, options)
    const one = () => watched(cache.wrap('key', loading.load, swr))
    const many = () =>
      watched(
        cache
          .wrapMany(['key'], async () => [await loading.load()], swr)
          .then((all) => all.get('key')),
      )
    for (let round = 0; round < 4; round++) {
      const answers = [one(), many(), one(), many()]
      await world.rest()
      expect(answers.map(({ value }) => value)).toEqual(['old', 'old', 'old', 'old'])
      // Longer than the near tier believes anything without a bus.
      await world.clock.advance(1_500)
    }
    expect(loading.runs).toHaveLength(1)
    loading.runs[0]?.resolve('new')
    await world.rest()
    expect(await soon(cache.wrap('key', loading.load, swr))).toBe('new')
  })

  it('keeps no caller of a defined function waiting for a refresh behind another one', async () => {
    const { cache } = await holding(swr, 0, options)
    const defined = cache.define('defined', { load: (_id: number) => loading.load(), ...swr })
    await defined.set([1], 'old')
    await world.clock.advance(ttl + 100)
    expect(await soon(defined(1))).toBe('old')
    await world.clock.advance(1_500)
    const answers = [watched(defined(1)), watched(defined.many([[1]]))]
    await world.rest()
    expect(answers.map(({ settled }) => settled)).toEqual([true, true])
    expect(loading.runs).toHaveLength(1)
  })

  it('falls back to the stale value for everybody who waits for a load that fails', async () => {
    const { cache } = await holding(sie, ttl + 100, options)
    const first = watched(cache.wrap('key', loading.load, sie))
    await world.clock.advance(100)
    const later = [
      watched(cache.wrap('key', loading.load, sie)),
      watched(cache.wrap('key', loading.load, { ...sie, refresh: true })),
      watched(cache.wrapMany(['key'], async () => [await loading.load()], sie)),
    ]
    await world.clock.advance(100)
    expect(loading.runs).toHaveLength(1)
    loading.runs[0]?.reject(new Error('the origin failed'))
    await world.rest()
    expect([first, later[0], later[1]].map((answer) => answer?.value)).toEqual([
      'old',
      'old',
      'old',
    ])
    expect(later[2]?.value).toEqual(new Map([['key', 'old']]))
  })

  it('falls back to the stale value for everybody who waits for longer than softTimeout', async () => {
    const { cache } = await holding(sie, ttl + 100, options)
    const first = watched(cache.wrap('key', loading.load, sie))
    await world.clock.advance(300)
    const second = watched(cache.wrap('key', loading.load, sie))
    await world.clock.advance(250)
    expect([first.value, second.value]).toEqual(['old', 'old'])
    await world.clock.advance(1_500)
    expect(await soon(cache.wrap('key', loading.load, sie))).toBe('old')
    expect(loading.runs).toHaveLength(1)
  })
})

it('a value that is refreshed because somebody asked for it is a hit for all others', async () => {
  const { cache } = await holding({ ttl: 60_000 }, 100)
  const refreshing = watched(cache.wrap('key', loading.load, { refresh: true }))
  await world.rest()
  expect(await soon(cache.wrap('key', loading.load))).toBe('old')
  expect(await soon(cache.wrapMany(['key'], () => []))).toEqual(new Map([['key', 'old']]))
  expect(refreshing.settled).toBe(false)
  loading.runs[0]?.resolve('new')
  await world.rest()
  expect(refreshing.value).toBe('new')
})

it('a value that is refreshed early is a hit for the callers that come meanwhile', async () => {
  const { cache } = world.start({ memory: false, defaults: { earlyRefresh: 1_000 } })
  const first = watched(cache.wrap('key', loading.load, { ttl }))
  await world.clock.advance(100)
  loading.runs[0]?.resolve('old')
  await world.rest()
  expect(first.value).toBe('old')
  await world.clock.advance(ttl - 10)
  for (let call = 0; call < 3; call++) {
    expect(await soon(cache.wrap('key', loading.load, { ttl }))).toBe('old')
    await world.rest()
  }
  expect(loading.runs).toHaveLength(2)
})

describe('a caller who can do no better than to wait for a load under way asks the store for nothing', () => {
  it('where the key was cold', async () => {
    const { cache } = world.start({ memory: false, storeOf: noting })
    const first = watched(cache.wrap('key', loading.load))
    await world.rest()
    expect(asked).toBe(1)
    const later = [
      watched(cache.wrap('key', loading.load)),
      watched(cache.wrapMany(['key'], () => [])),
    ]
    await world.rest()
    expect(asked).toBe(1)
    loading.runs[0]?.resolve('new')
    await world.rest()
    expect([first, ...later].map(({ settled }) => settled)).toEqual([true, true, true])
  })

  it('where it wants a value from now, and no other may stand in for that', async () => {
    const { cache } = await holding(swr, ttl + 100)
    const first = watched(cache.wrap('key', loading.load, { ...swr, refresh: true }))
    await world.rest()
    expect(asked).toBe(1)
    void cache.wrap('key', loading.load, { ...swr, refresh: true })
    await world.rest()
    expect([asked, loading.runs.length, first.settled]).toEqual([1, 1, false])
    loading.runs[0]?.resolve('new')
  })

  it('where the windows of the stale value have ended meanwhile', async () => {
    const short = { ttl, staleWhileRevalidate: 500 }
    const { cache } = await holding(short, ttl + 100)
    expect(await soon(cache.wrap('key', loading.load, short))).toBe('old')
    await world.clock.advance(600)
    asked = 0
    const late = watched(cache.wrap('key', loading.load, short))
    await world.rest()
    expect([asked, late.settled, loading.runs.length]).toEqual([0, false, 1])
    // The store has dropped the stale value, and with it what the load was to replace.
    loading.runs[0]?.resolve('new')
    await world.rest()
    loading.runs[1]?.resolve('new')
    await world.rest()
    expect(late.value).toBe('new')
  })
})

it('a stale value that another process deleted while it is being refreshed is served to nobody', async () => {
  const { cache } = await holding(swr, ttl + 100)
  const other = world.start({ memory: false })
  expect(await soon(cache.wrap('key', loading.load, swr))).toBe('old')
  await world.rest()
  await other.cache.delete('key')
  const late = watched(cache.wrap('key', loading.load, swr))
  await world.rest()
  expect(late.settled).toBe(false)
  loading.runs[0]?.resolve('from before the delete')
  await world.rest()
  loading.runs[1]?.resolve('from after it')
  await world.rest()
  expect(late.value).toBe('from after it')
})
