import { describe, expect, test, vi } from 'vitest'
import { canaryKey } from '../../../lab/src/canary.ts'
import { type Cache, createCache } from '../src/cache.ts'
import { InvalidOptionError } from '../src/errors.ts'
import { eventNames } from '../src/observe/events.ts'
import type { NamespaceOptions } from '../src/options/options.ts'
import { encryptedStore } from '../src/store/encrypted-store.ts'
import { memoryStore } from '../src/store/memory-store.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'

const secret = canaryKey('sensitive')
const encrypted = () => encryptedStore(memoryStore(), { keys: [{ id: 'k', secret }] })
const person = 'person:ada.lovelace'
const tag = 'family:byron'

describe('what is sensitive', () => {
  test('refuses to exist over a store that is not encrypted, and says what to do', () => {
    const make = () => createCache({ store: memoryStore(), bus: false, sensitive: true })
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow(/createCache is sensitive.*'memory' is not.*encryptedStore\(store/)
    const cache = createCache({ store: memoryStore() })
    expect(() => cache.namespace('people', { sensitive: true })).toThrow(InvalidOptionError)
    expect(() => cache.namespace('others').namespace('a', { sensitive: {} })).toThrow(/sensitive/)
    createCache({ store: encrypted(), sensitive: true }).namespace('a', { sensitive: true })
    createCache({ store: encrypted() }).namespace('people', { sensitive: true })
    createCache({ sensitive: true })
  })

  test('stays so inside: a namespace of it cannot say otherwise', () => {
    const people = createCache({ sensitive: true }).namespace('people')
    expect(() => people.namespace('a', { sensitive: false })).toThrow(/inside of what is sensitive/)
    expect(() => createCache().namespace('a', { sensitive: false })).not.toThrow()
  })

  test.each<[NamespaceOptions['sensitive'] | string, RegExp]>([
    ['yes', /sensitive must be true, false or \{ maxTtl \}/],
    [{ maxTtl: 0 }, /sensitive\.maxTtl must be a duration above 0, and not Infinity; it was 0/],
    [{ maxTtl: Infinity }, /not Infinity; it was Infinity/],
    [{ maxTtl: '1 hour' as '1h' }, /sensitive\.maxTtl must be milliseconds/],
    [{ maxTTL: '1h' } as object, /no option 'maxTTL'; did you mean 'maxTtl'/],
  ])('is declared by true, false or { maxTtl }, not by %j', (sensitive, message) => {
    const given = sensitive as NamespaceOptions['sensitive']
    expect(() => createCache({ sensitive: given })).toThrow(message)
    expect(() => createCache().namespace('a', { sensitive: given })).toThrow(message)
  })
})

describe('nothing sensitive is kept for longer than maxTtl', () => {
  const longest = { ttl: '7d', staleWhileRevalidate: '7d', staleIfError: '7d', jitter: 0 } as const

  /** The time after which nothing is left of what `keep` has kept. */
  async function lifeMs(
    keep: (cache: Cache) => Promise<unknown>,
    options: NamespaceOptions = { sensitive: true },
    withStore = true,
  ): Promise<number> {
    const clock = fakeClock()
    const inner = memoryStore({ clock })
    const store = encryptedStore(inner, { keys: [{ id: 'k', secret }], clock })
    const cache = createCache({ clock, ...(withStore ? { store, bus: false } : {}) })
    const people = cache.namespace('people', options)
    await keep(people)
    const start = clock.monotonic()
    const isLeft = async () => {
      const { status } = await people.explain(person)
      return status !== 'absent' || (await inner.get(`default:/people/${person}`)) !== undefined
    }
    expect(await isLeft()).toBe(true)
    while ((await isLeft()) && clock.monotonic() - start < 7_300_000) await clock.advance(60_000)
    await cache.close()
    return clock.monotonic() - start
  }

  const hour = 3_600_000
  test.each<[string, (cache: Cache) => Promise<unknown>]>([
    ['set', (cache) => cache.set(person, 'v', longest)],
    ['wrap', (cache) => cache.wrap(person, () => 'v', longest)],
    ['wrapMany', (cache) => cache.wrapMany([person], () => new Map([[person, 'v']]), longest)],
    [
      'a loader that names its ttl',
      (cache) => {
        const load = ({ setTtl }: { setTtl(ttl: '7d'): void }) => {
          setTtl('7d')
          return 'v'
        }
        return cache.wrap(person, load, { ttl: '1m', staleIfError: '7d', jitter: 0 })
      },
    ],
    ['a null', (cache) => cache.wrap(person, () => null, { ...longest, nullTtl: '7d' })],
    [
      'a definition',
      (cache) => cache.define('p', { load: () => 'v', key: () => person, ...longest })(),
    ],
  ])('not by %s, whatever ttl and windows say, with a store or without', async (_, keep) => {
    for (const withStore of [true, false]) {
      const ms = await lifeMs(keep, { sensitive: true }, withStore)
      expect(ms).toBeLessThanOrEqual(hour)
      expect(ms).toBeGreaterThan(50_000)
    }
  })

  test('with a bound of one’s own, and the nearer one inside another', async () => {
    const keep = (cache: Cache) => cache.set(person, 'v', longest)
    expect(await lifeMs(keep, { sensitive: { maxTtl: '10m' } })).toBe(600_000)
    const nested = (outer: Cache) => {
      const inside = outer.namespace('inside', { sensitive: { maxTtl: '5h' } })
      return inside.set(person, 'v', longest).then(() => inside.explain(person))
    }
    const outer = createCache({ sensitive: { maxTtl: '10m' } })
    const { storedAt, expiresAt } = (await nested(outer)) as { storedAt: number; expiresAt: number }
    expect(expiresAt - storedAt).toBe(600_000)
  })

  test('its ttl comes first, and its windows get what is left', async () => {
    const cache = createCache({ sensitive: { maxTtl: '10m' } })
    await cache.set(person, 'v', { ttl: '4m', staleIfError: '1d', jitter: 0 })
    const { storedAt = 0, staleAt = 0, expiresAt = 0 } = await cache.explain(person)
    expect([staleAt - storedAt, expiresAt - storedAt]).toEqual([240_000, 600_000])
  })
})

describe('keys and tags of what is sensitive are told to nobody', () => {
  /** Everything that a cache tells while all kinds of things happen to one key. */
  async function told(make: (options: object) => { cache: Cache; people: Cache }) {
    const clock = fakeClock()
    const inner = memoryStore({ clock })
    const store = encryptedStore(inner, { keys: [{ id: 'k', secret }], clock })
    const warnings: string[] = []
    const warn = vi
      .spyOn(process, 'emitWarning')
      .mockImplementation((warning) => void warnings.push(String(warning)))
    const { cache, people } = make({ clock, store, bus: false, memory: { maxEntries: 2 } })
    const fails = () => Promise.reject(new Error(`no such ${person}`))
    const exercise = async () => {
      await people.delete(person)
      await people.wrap(person, () => ({ name: person }), { tags: [tag], staleIfError: '10m' })
      await people.get(person)
      await people.wrapMany([person, `${person}2`], () => [1])
      await people.expire(person)
      await people.wrap(person, fails)
      await people.set(person, () => 'a function', { tags: [tag] })
      await people.set(person, 'x', { ttl: 0 })
      await people.set(person, 'x', { tags: [tag], staleIfError: '10m' })
      await people.expireTags([tag])
      explanations.push(await people.explain(person))
      await people.invalidateTags([tag])
      explanations.push(await people.explain(person))
      await inner.set('default:person:ada.lovelace', new Uint8Array(40), { ttlMs: 10_000 })
      await inner.set('default:/people/person:ada.lovelace', new Uint8Array(40), { ttlMs: 10_000 })
      await people.get(person)
      await people.delete(person)
      for (let index = 0; index < 4; index++) await people.set(`${person}${index}`, index)
      await people.wrap(person, () => 1, { refresh: true })
      await people.wrap(person, fails, { refresh: true }).catch(() => undefined)
      explanations.push(await people.explain(person))
    }
    const explanations: unknown[] = []
    await exercise()
    const events = new Map<string, unknown[]>()
    for (const name of eventNames)
      cache.on(name, (event) => events.set(name, [...(events.get(name) ?? []), event]))
    await exercise()
    await cache.close()
    warn.mockRestore()
    return { events, text: JSON.stringify([[...events], explanations, warnings]), warnings }
  }
  const clear = (options: object) => {
    const cache = createCache(options)
    return { cache, people: cache.namespace('people') }
  }

  test.each<[string, typeof clear]>([
    [
      'of a namespace',
      (options) => {
        const cache = createCache(options)
        return { cache, people: cache.namespace('people', { sensitive: true }) }
      },
    ],
    [
      'of a cache',
      (options) => {
        const cache = createCache({ ...options, sensitive: true })
        return { cache, people: cache }
      },
    ],
    [
      'of a namespace inside',
      (options) => {
        const cache = createCache({ ...options, sensitive: true })
        return { cache, people: cache.namespace('people') }
      },
    ],
  ])('%s: not in events, explanations or warnings', async (_, make) => {
    const open = await told(clear)
    const closed = await told(make)
    // What is looked at would tell them, were they not sensitive.
    for (const [name, list] of open.events) {
      if (name !== 'breaker' && name !== 'bus' && name !== 'error')
        expect(JSON.stringify(list), name).toContain('lovelace')
    }
    expect(open.text).toContain(tag)
    expect(open.warnings.join()).toContain('lovelace')
    expect([...closed.events.keys()].sort()).toEqual([...open.events.keys()].sort())
    expect(closed.events.size).toBeGreaterThanOrEqual(8)
    expect(closed.text).not.toContain('lovelace')
    expect(closed.text).not.toContain('byron')
    expect(closed.text).toContain('sensitive:')
  })
})
