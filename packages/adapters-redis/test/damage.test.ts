import { type Cache, type CacheOptions, createCache } from '@holdfast/core'
import { canaryKey } from '@holdfast/lab/canary'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStore, redisStore } from '../src/index.ts'

const perBatch = 500
const batches = 20
const minute = { ttlMs: 60_000 }

/** A linear congruence (Numerical Recipes, 7.1), so that a failure can be repeated. */
let state = 20_260_101
const random = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 0x1_0000_0000) * below)
}

const kinds = ['flipped', 'cut', 'extended', 'moved'] as const

function damaged(kind: (typeof kinds)[number], bytes: Uint8Array, others: Uint8Array): Uint8Array {
  if (kind === 'moved') return others
  if (kind === 'cut') return bytes.subarray(0, random(bytes.length))
  if (kind === 'extended') {
    const more = Uint8Array.from({ length: 1 + random(40) }, () => random(256))
    return Buffer.concat([bytes, more])
  }
  const flipped = Uint8Array.from(bytes)
  for (let flips = 1 + random(3); flips > 0; flips--) {
    const at = random(flipped.length * 8)
    flipped[at >>> 3]! ^= 1 << (at & 7)
  }
  // Two flips of one bit are none.
  if (Buffer.from(flipped).equals(bytes)) flipped[0]! ^= 1
  return flipped
}

describe.each(['redis', 'valkey'] as const)('of 10,000 values whose bytes in %s were', (engine) => {
  let server: RedisServer
  let store: RedisStore
  beforeAll(async () => {
    server = await startRedis({ engine })
    store = redisStore({ port: server.port, commandTimeout: 10_000, connectTimeout: 10_000 })
  })
  afterAll(async () => {
    await store.close()
    await server.stop()
  })

  function made(options: CacheOptions = {}): Cache {
    // What is asked is what becomes of the bytes, and not how soon: 500 of them may take longer than 200 ms beside others.
    const resilience = { storeTimeout: '30s' } as const
    const cache = createCache({ store, bus: false, memory: false, resilience, ...options })
    onTestFinished(() => cache.close())
    return cache
  }

  test.each([
    ['a checksum', {}],
    [
      'a key of its own',
      { codec: { integrity: { keys: [{ id: 'one', secret: canaryKey('damage') }] } } },
    ],
  ] as [string, CacheOptions][])(
    'flipped, cut, extended or moved, under %s, 10,000 are refused, each a counted miss',
    async (_, options) => {
      const namespace = `n${random(1e9)}`
      const cache = made({ ...options, namespace })
      const reasons: Record<string, number> = {}
      cache.on('refused', ({ reason }) => {
        reasons[reason] = (reasons[reason] ?? 0) + 1
      })
      let served = 0
      for (let batch = 0; batch < batches; batch++) {
        const keys = Array.from({ length: perBatch }, (_, index) => `k${batch}-${index}`)
        const values = keys.map((key) => [key, { key, filler: key.repeat(random(20)) }] as const)
        await cache.setMany(values, { ttl: '1m' })
        const names = keys.map((key) => `${namespace}:${key}`)
        const bytes = await store.getMany(names)
        await store.setMany(
          names.map((key, index) => ({
            key,
            bytes: damaged(
              kinds[index % kinds.length]!,
              bytes[index]!,
              bytes[(index + 1) % perBatch]!,
            ),
            ...minute,
          })),
        )
        const before = cache.stats()
        served += (await cache.getMany(keys)).size
        const { refused, misses } = cache.stats()
        expect(misses - before.misses).toBe(perBatch)
        expect(refused - before.refused, JSON.stringify(reasons)).toBe(perBatch)
        // Nothing of it is in the way of a new value.
        const loaded = await cache.wrap(keys[batch]!, () => 'new')
        expect(loaded).toBe('new')
        expect(await cache.get(keys[batch]!)).toBe('new')
      }
      expect(served).toBe(0)
      // Each kind of damage has been found out for a reason of its own.
      expect(Object.keys(reasons).length).toBeGreaterThan(1)
    },
    60_000,
  )
})
