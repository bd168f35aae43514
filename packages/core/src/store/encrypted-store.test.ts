import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { canary, canaryKey, canarySecret } from '../../../../lab/src/canary.ts'
import { type Cache, createCache } from '../cache.ts'
import { resolveCodec } from '../entry/codec.ts'
import { encodeClaim, encodeValue } from '../entry/envelope.ts'
import { headBytes, headOf, peekHead } from '../entry/head.ts'
import { InvalidOptionError, StoreError } from '../errors.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { optionalMethods } from '../testing/store-case.ts'
import { storeConformance } from '../testing/store-conformance.ts'
import {
  type EncryptedStore,
  type EncryptedStoreOptions,
  encryptedStore,
} from './encrypted-store.ts'
import type { EncryptionKey } from './key-ring.ts'
import { MemoryBacking } from './memory-backing.ts'
import { memoryStore } from './memory-store.ts'
import { prefixedStore } from './prefixed-store.ts'
import { seal, unseal } from './sealed-bytes.ts'
import type { SettledReads, Store } from './store.ts'
import { nonceBytes, Xaes } from './xaes.ts'

const secretOf = (seed: string) => canaryKey(seed)
const keyOf = (id: string): EncryptionKey => ({ id, secret: secretOf(id) })
const one = { keys: [keyOf('one')] }
const text = (words: string) => Buffer.from(words)
const words = (bytes: Uint8Array | undefined | null) => bytes && Buffer.from(bytes).toString()
const minute = { ttlMs: 60_000 }
const codec = resolveCodec()
const stampOf = (index: number) => createHash('md5').update(`${index}`).digest('hex')
const envelopeOf = (key: string, value: unknown, index = 0) =>
  encodeValue(
    {
      stamp: stampOf(index),
      key,
      value,
      storedAt: 1,
      staleAt: 2,
      expiresAt: 3,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
      loadMs: 1,
      versions: [],
    },
    codec,
  ) as Uint8Array

function pair(options: EncryptedStoreOptions = one) {
  const inner = memoryStore()
  return { inner, store: encryptedStore(inner, options) as EncryptedStore & Required<Store> }
}

describe('an encrypted store passes the conformance suite', () => {
  const limits = { maxKeyBytes: 1_000, maxValueBytes: 1024 * 1024 }
  const create = () => {
    const clock = fakeClock()
    const inner = memoryStore({ clock, ...limits })
    return { store: encryptedStore(inner, one), advance: (ms: number) => clock.advance(ms) }
  }
  const { capabilities } = create().store
  const cases = storeConformance({ create, capabilities, methods: optionalMethods })
  test.each(cases)('$name', async ({ run, name }) => {
    const { skipped } = await run()
    expect(skipped !== undefined).toBe(name.includes('heads of other lengths'))
  })
  test('heads of other lengths it compares all the same, though the suite asks no encrypted store for it', async () => {
    // The case is left out by what the store declares, so here it declares less.
    const { encrypted: _, ...less } = capabilities
    const bare = storeConformance({
      create: () => ({ ...create().store, capabilities: less }),
      capabilities: less,
    })
    expect(await bare.find(({ name }) => name.includes('heads of other lengths'))!.run()).toEqual(
      {},
    )
  })
})

test('every flipped bit of 100 encrypted envelopes is refused, and counted', async () => {
  const { inner, store } = pair()
  let flips = 0
  for (let index = 0; index < 100; index++) {
    const key = `key ${index}`
    const envelope =
      index % 10 === 0
        ? encodeClaim({ key, stamp: stampOf(index), beat: index }, codec)
        : envelopeOf(key, 'v'.repeat(index % 7), index)
    await store.set(key, envelope, minute)
    const stored = (await inner.get(key))!
    expect(Buffer.compare((await store.get(key))!, envelope)).toBe(0)
    for (let bit = 0; bit < stored.byteLength * 8; bit++) {
      const flipped = Uint8Array.from(stored)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      await inner.set(key, flipped, minute)
      if ((await store.get(key)) !== undefined) expect.fail(`bit ${bit} of envelope ${index}`)
      flips++
    }
    await inner.delete(key)
  }
  const { refused } = store.stats()
  expect(refused.damaged + refused.plaintext + refused.unknownKey).toBe(flips)
}, 120_000)

test('the bytes of one key are refused under another, and cut or extended ones under their own', async () => {
  const { inner, store } = pair()
  await store.set('a', text('the value of a'), minute)
  const stored = (await inner.get('a'))!
  await inner.set('b', stored, minute)
  expect(await store.get('b')).toBeUndefined()
  for (let length = 0; length < stored.byteLength; length++) {
    await inner.set('a', stored.subarray(0, length), minute)
    expect(await store.get('a')).toBeUndefined()
  }
  await inner.set('a', Buffer.concat([stored, Buffer.alloc(1)]), minute)
  expect(await store.get('a')).toBeUndefined()
})

test('plaintext is never accepted: not in get, getMany, getManySettled, replace or add, and add takes its place', async () => {
  const inner = memoryStore()
  const settling = Object.assign(inner, {
    getManySettled: (keys: readonly string[]) => inner.getMany(keys),
  } satisfies Pick<SettledReads, 'getManySettled'>)
  const store = encryptedStore(settling, one) as EncryptedStore & Required<Store> & SettledReads
  const planted = envelopeOf('a', { admin: true })
  const plant = () => inner.set('a', planted, minute)
  await plant()
  expect(await store.get('a')).toBeUndefined()
  expect(await store.getMany(['a'])).toEqual([undefined])
  expect(await store.getManySettled(['a'])).toEqual([undefined])
  expect(await store.replace('a', planted.subarray(0, headBytes), text('x'), minute)).toBe(false)
  expect(await store.replace('a', planted.subarray(0, 5), text('x'), minute)).toBe(false)
  expect(store.stats().refused.plaintext).toBe(4)
  expect((await store.metrics()).damaged).toBe(4)
  expect(await store.add('a', text('mine'), minute)).toBeUndefined()
  expect(words(await store.get('a'))).toBe('mine')
})

test('nothing but the first 17 bytes can be read in what is stored, and of a shorter value nothing', async () => {
  const { inner, store } = pair()
  const secret = canarySecret('value')
  await store.set('long', envelopeOf('long', secret), minute)
  await store.set('short', text(canary), minute)
  await store.set('empty', text(''), minute)
  for (const key of ['long', 'short']) {
    const raw = Buffer.from((await inner.get(key))!).toString('latin1')
    expect(raw).not.toContain(canary)
  }
  const head = peekHead((await inner.get('long'))!)
  expect(head).toEqual({ kind: 'value', encrypted: true, stamp: stampOf(0) })
  expect(words(await store.get('short'))).toBe(canary)
  expect((await store.get('empty'))?.byteLength).toBe(0)
})

test('values whose first byte could be that of an envelope come back as they were, whatever their bits', async () => {
  const { store } = pair()
  for (let first = 0; first < 256; first++) {
    const value = Buffer.concat([Buffer.of(first), Buffer.alloc(40, 7)])
    await store.set('a', value, minute)
    expect(Buffer.compare((await store.get('a'))!, value)).toBe(0)
    const head = value.subarray(0, headBytes)
    expect(await store.replace('a', head, value, minute)).toBe(true)
  }
})

test('a claim is fulfilled through it by its head, in one operation of the store behind', async () => {
  const { inner, store } = pair()
  const claim = encodeClaim({ key: 'a', stamp: stampOf(1), beat: 0 }, codec)
  expect(await store.add('a', claim, minute)).toBeUndefined()
  expect(Buffer.compare((await store.add('a', claim, minute))!, claim)).toBe(0)
  const get = vi.spyOn(inner, 'get')
  const value = envelopeOf('a', 'loaded', 2)
  expect(await store.replace('a', headOf('claim', stampOf(2)), value, minute)).toBe(false)
  expect(await store.replace('a', headOf('claim', stampOf(1)), value, minute)).toBe(true)
  expect(get).not.toHaveBeenCalled()
  expect(Buffer.compare((await store.get('a'))!, value)).toBe(0)
})

test('a prefix longer than 17 bytes is compared in the value itself: of 50 writers of one session version one wins', async () => {
  const { store } = pair()
  const session = (version: string, who: string) => text(`{"version":"${version}","who":"${who}"}`)
  await store.set('session:1', session('0123456789abcdef', 'nobody'), minute)
  const head = text('{"version":"0123456789abcdef"')
  const wrong = text('{"version":"0123456789abcdee"')
  expect(await store.replace('session:1', wrong, text('no'), minute)).toBe(false)
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      store.replace('session:1', head, session(`${index}`.padStart(16, '0'), `${index}`), minute),
    ),
  )
  expect(answers.filter(Boolean)).toHaveLength(1)
  const winner = `${answers.indexOf(true)}`
  expect(words(await store.get('session:1'))).toContain(`"who":"${winner}"`)
})

test('a million seals repeat no nonce', () => {
  // AES itself takes nearly all the time of a seal, and draws nothing: here it only looks at the nonce it is given.
  let given = ''
  const real = new Xaes(secretOf('one'))
  const looking = Object.assign(Object.create(real), {
    seal(nonce: Uint8Array) {
      given = Buffer.from(nonce).toString('latin1')
    },
  })
  const keyWith = (cipher: Xaes) => ({ id: 'one', idBytes: text('one'), cipher })
  const from = headBytes + 3 + 'one'.length
  const value = text('a value of 17 bytes or more')
  const seen = new Set<string>()
  const fast = keyWith(looking)
  for (let index = 0; index < 1_000_000; index++) {
    seal(fast, 'a', value)
    seen.add(given)
  }
  expect(seen.size).toBe(1_000_000)
  expect(given).toHaveLength(nonceBytes)
  // That the nonce it is given is the one that stands in the bytes, and opens them.
  const key = keyWith(real)
  for (let index = 0; index < 10_000; index++) {
    const sealed = Buffer.from(seal(key, 'a', value))
    seen.add(sealed.toString('latin1', from, from + nonceBytes))
    if (index % 100 === 0) expect(unseal(new Map([['one', key]]), 'a', sealed)).toEqual(value)
  }
  expect(seen.size).toBe(1_010_000)
})

test('a cache over it counts and tells what was refused, of its own keys only, until it is closed', async () => {
  const inner = memoryStore()
  const store = encryptedStore(inner, one)
  const outside = prefixedStore(store, 'p:')
  const caches = [
    createCache({ name: 'a', store, bus: false, memory: false }),
    createCache({ name: 'b', store, bus: false, memory: false }),
    createCache({ name: 'a', store: outside, bus: false, memory: false }),
    createCache({ name: 'a', store, bus: false, memory: false, sensitive: true }),
  ]
  const told: string[][] = caches.map(() => [])
  for (const [index, cache] of caches.entries())
    cache.on('refused', ({ key, reason }) => told[index]!.push(`${key} ${reason}`))
  const [a, , prefixed] = caches as [Cache, Cache, Cache, Cache]
  for (const cache of caches) await cache.get('warm')
  for (const key of ['a:x', 'p:a:x']) await inner.set(key, envelopeOf(key, 1), minute)
  expect(await a.get('x')).toBeUndefined()
  expect(told[0]).toEqual(['x plaintext'])
  expect(told[3]).toEqual([expect.stringMatching(/^sensitive:[0-9a-f]{16} plaintext$/)])
  expect(await prefixed.get('x')).toBeUndefined()
  expect(told[2]).toEqual(['x plaintext'])
  expect(told[1]).toEqual([])
  expect(caches.map((cache) => cache.stats().refused)).toEqual([1, 0, 1, 1])
  await a.close()
  await store.get('a:x')
  expect(a.stats().refused).toBe(1)
})

describe('keys', () => {
  test('rotate without a miss in a fleet whose members know of it one after the other', async () => {
    const backing = new MemoryBacking()
    const [old, fresh] = [keyOf('old'), keyOf('new')]
    const stages = [[old], [old, fresh], [fresh, old]]
    const fleet = [0, 1, 2].map(() => ({ stage: 0 }))
    const clock = fakeClock()
    const stores = fleet.map((member) =>
      encryptedStore(memoryStore({ backing }), {
        keys: () => stages[member.stage]!,
        reread: '1s',
        clock,
      }),
    )
    let step = 0
    for (const stage of [1, 2]) {
      for (const member of fleet) {
        member.stage = stage
        for (let second = 0; second < 3; second++) {
          await clock.advance(500)
          for (const [index, store] of stores.entries()) {
            const key = `${step++ % 20}`
            await store.set(key, text(`written by ${index}`), minute)
            for (const reader of stores)
              expect(words(await reader.get(key))).toBe(`written by ${index}`)
          }
        }
      }
    }
    expect(step).toBeGreaterThan(50)
    for (const store of stores) {
      expect(store.stats().refused).toEqual({ plaintext: 0, unknownKey: 0, damaged: 0 })
      expect(store.stats().writesWith).toBe('new')
    }
  })

  test('that were rotated out may be dropped without voiding what was stored since: versions are sealed again', async () => {
    const clock = fakeClock()
    const inner = memoryStore({ clock })
    let keys = [keyOf('old')]
    const store = encryptedStore(inner, { keys: () => keys, reread: 0, clock })
    const cache = createCache({ clock, store, bus: false, memory: false })
    const ask = () => cache.wrap('a', () => 'loaded', { tags: ['t'], ttl: '60d', jitter: 0 })
    await ask()
    keys = [keyOf('new'), keyOf('old')]
    await cache.set('a', 'sealed with the new one', { tags: ['t'], ttl: '60d', jitter: 0 })
    for (let reads = 0; reads < 30; reads++) {
      await clock.advance(50)
      expect(await ask()).toBe('sealed with the new one')
    }
    expect(store.stats().resealed).toBe(3)
    keys = [keyOf('new')]
    await clock.advance(50)
    expect(await ask()).toBe('sealed with the new one')
    expect(store.stats().refused.unknownKey).toBe(0)
    // A month is what core gives the version of a tag, and it is not made longer for ever.
    await clock.advance('29d')
    expect(await ask()).toBe('sealed with the new one')
    await clock.advance('2d')
    expect(await ask()).toBe('loaded')
  })

  test('one that is dropped turns its values into counted misses, and only those', async () => {
    const backing = new MemoryBacking()
    const before = encryptedStore(memoryStore({ backing }), { keys: [keyOf('a')] })
    await before.set('old', text('sealed with a'), minute)
    const both = encryptedStore(memoryStore({ backing }), { keys: [keyOf('b'), keyOf('a')] })
    await both.set('new', text('sealed with b'), minute)
    expect(words(await both.get('old'))).toBe('sealed with a')
    const after = encryptedStore(memoryStore({ backing }), { keys: [keyOf('b')] })
    expect(await after.get('old')).toBeUndefined()
    expect(words(await after.get('new'))).toBe('sealed with b')
    expect(after.stats().refused).toEqual({ plaintext: 0, unknownKey: 1, damaged: 0 })
  })

  test('an id of a known key over the bytes of another one opens nothing', async () => {
    const { inner, store } = pair({ keys: [keyOf('one'), keyOf('two')] })
    await store.set('a', text('x'), minute)
    const stored = Buffer.from((await inner.get('a'))!)
    stored.write('two', headBytes + 3)
    await inner.set('a', stored, minute)
    expect(await store.get('a')).toBeUndefined()
    expect(store.stats().refused.damaged).toBe(1)
  })

  test('a provider is asked at the first use, again after `reread` behind the callers, and at once for an unknown key', async () => {
    const clock = fakeClock()
    const backing = new MemoryBacking()
    let keys = [keyOf('a')]
    const provider = vi.fn(async () => keys)
    const store = encryptedStore(memoryStore({ backing }), { keys: provider, clock })
    expect(provider).not.toHaveBeenCalled()
    await Promise.all([store.set('1', text('x'), minute), store.set('2', text('x'), minute)])
    expect(provider).toHaveBeenCalledTimes(1)
    await clock.advance(59_000)
    await store.get('1')
    expect(provider).toHaveBeenCalledTimes(1)
    await clock.advance(1_000)
    await store.get('1')
    expect(provider).toHaveBeenCalledTimes(2)
    keys = [keyOf('b'), keyOf('a')]
    const other = encryptedStore(memoryStore({ backing }), { keys })
    await other.set('3', text('sealed with b'), minute)
    await clock.advance(1_000)
    expect(words(await store.get('3'))).toBe('sealed with b')
    expect(provider).toHaveBeenCalledTimes(3)
    // What stays unknown asks once a second, however often it is read.
    await encryptedStore(memoryStore({ backing }), { keys: [keyOf('c')] }).set(
      '4',
      text('x'),
      minute,
    )
    for (let reads = 0; reads < 100; reads++) expect(await store.get('4')).toBeUndefined()
    expect(provider).toHaveBeenCalledTimes(3)
  })

  test('a provider that fails refuses operations only while there are no keys yet, and is counted', async () => {
    const clock = fakeClock()
    let fails = true
    const provider = vi.fn(() => {
      if (fails) throw new Error('the key service is away')
      return [keyOf('a')]
    })
    const store = encryptedStore(memoryStore(), { keys: provider, reread: 0, clock })
    const attempt = store.set('a', text('x'), minute)
    await expect(attempt).rejects.toThrow(StoreError)
    await expect(store.get('a')).resolves.toBeUndefined()
    await expect(store.set('a', text('x'), minute)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(provider).toHaveBeenCalledTimes(1)
    await clock.advance(1_000)
    fails = false
    await store.set('a', text('x'), minute)
    fails = true
    expect(words(await store.get('a'))).toBe('x')
    await clock.advance(0)
    expect(words(await store.get('a'))).toBe('x')
    expect(store.stats().keyReadErrors).toBeGreaterThanOrEqual(2)
  })

  test('a provider that hangs is an error after 5 s, and leaves no timer once it has answered', async () => {
    const clock = fakeClock()
    let answer: (keys: EncryptionKey[]) => void = () => undefined
    const provider = () =>
      new Promise<EncryptionKey[]>((resolve) => {
        answer = resolve
      })
    const store = encryptedStore(memoryStore(), { keys: provider, clock })
    const attempt = store.set('a', text('x'), minute).catch((error: unknown) => error)
    await clock.advance(5_000)
    expect(await attempt).toMatchObject({ kind: 'unavailable', cause: expect.any(Error) })
    await clock.advance(1_000)
    const next = store.set('a', text('x'), minute)
    answer([keyOf('a')])
    await next
    expect(words(await store.get('a'))).toBe('x')
    expect(store.stats()).toMatchObject({ keyReads: 2, keyReadErrors: 1 })
  })

  test.each<[string, unknown, RegExp]>([
    ['none at all', {}, /^keys must be an array of \{ id, secret \}.*it was undefined/],
    ['an empty list', { keys: [] }, /it was empty/],
    ['an unknown option', { keys: one.keys, key: 1 }, /no option 'key'; did you mean 'keys'/],
    ['a short secret', { keys: [{ id: 'a', secret: 'short' }] }, /keys\[0\]\.secret.*of 5 bytes/],
    ['no id', { keys: [{ secret: secretOf('a') }] }, /keys\[0\]\.id must/],
    ['an id of 65 bytes', { keys: [{ id: 'i'.repeat(65), secret: secretOf('a') }] }, /at most 64/],
    ['an id twice', { keys: [keyOf('a'), keyOf('a')] }, /keys\[1\]\.id.*there twice/],
  ])('that cannot work are refused at once, and no secret is shown: %s', (_, options, message) => {
    const make = () => encryptedStore(memoryStore(), options as EncryptedStoreOptions)
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow(message)
    expect(make).not.toThrow('short secret')
  })
})

test('it passes on what the inner store can do, and nothing that it cannot', () => {
  const { name, capabilities, get, set, delete: remove, add } = memoryStore()
  const bare = encryptedStore({ name, capabilities, get, set, delete: remove }, one)
  expect(Object.keys(bare).sort().join()).toBe('capabilities,delete,get,name,onRefused,set,stats')
  // Without `replace`, what nobody can read would be in the way of an `add` for ever.
  const adding = encryptedStore({ name, capabilities, get, set, delete: remove, add }, one)
  expect(adding.add).toBeUndefined()
  const inner = Object.assign(memoryStore(), { explain: () => ({ server: 'two' }) })
  const explaining = encryptedStore(inner, one) as Store & Partial<SettledReads>
  expect(explaining.explain?.('a')).toEqual({ server: 'two' })
})

test('a prefix outside is part of what a value is bound to', async () => {
  const inner = memoryStore()
  const [a, b] = ['a:', 'b:'].map((prefix) => prefixedStore(encryptedStore(inner, one), prefix))
  await a!.set('key', text('x'), minute)
  await inner.set('b:key', (await inner.get('a:key'))!, minute)
  expect(await b!.get('key')).toBeUndefined()
})

test('incompressible and large values survive', async () => {
  const { store } = pair()
  const value = randomBytes(3 * 1024 * 1024)
  await store.set('a', value, minute)
  expect(Buffer.compare((await store.get('a'))!, value)).toBe(0)
})
