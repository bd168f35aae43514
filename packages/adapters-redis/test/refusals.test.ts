import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import {
  type Cache,
  CodecError,
  createCache,
  InvalidationError,
  StoreError,
  type StoreErrorKind,
} from '@holdfast/core'
import { canarySecret } from '@holdfast/lab/canary'
import { startFakeRedis } from '@holdfast/lab/fake-redis'
import { freePort } from '@holdfast/lab/free-ports'
import { leaksIn } from '@holdfast/lab/leak-scan'
import { type RedisServer, type RedisServerOptions, startRedis } from '@holdfast/lab/redis-server'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type RedisStoreOptions, redisStore } from '../src/index.ts'

const password = canarySecret('refused')
const value = { note: canarySecret('value') }

/** A cache, everything it says, and everything that anybody could print of it. */
function watched(options: RedisStoreOptions) {
  const store = redisStore(options)
  const cache = createCache({ store, memory: false })
  const errors: unknown[] = []
  const warnings: unknown[] = []
  const warn = (warning: Error) => warnings.push(warning)
  const consoles = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'log')]
  process.on('warning', warn)
  cache.on('error', ({ error }) => errors.push(error))
  onTestFinished(async () => {
    process.off('warning', warn)
    for (const spy of consoles) spy.mockRestore()
    await cache.close()
    await store.close()
  })
  return {
    cache,
    errors,
    kinds: () => new Set(errors.map((error) => (error as StoreError).kind)),
    expectNoSecrets(...more: unknown[]) {
      const all = [
        ...errors,
        ...warnings,
        ...more,
        cache,
        store,
        cache.stats(),
        consoles.map((spy) => spy.mock.calls),
      ]
      const printed = all
        .map((each) => `${inspect(each, { depth: 20, showHidden: true })} ${String(each)}`)
        .join('\n')
      expect(leaksIn('printed', printed)).toEqual([])
    },
  }
}

async function started(options: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  return server
}

/** 30 calls, and what the slowest of them took. */
async function wraps(cache: Cache): Promise<number> {
  let slowestMs = 0
  for (let index = 0; index < 30; index++) {
    const since = performance.now()
    expect(await cache.wrap(`key-${index % 3}`, () => value)).toEqual(value)
    slowestMs = Math.max(slowestMs, performance.now() - since)
  }
  return slowestMs
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Each refusal: how it comes about, and what it is called. */
const refusals: readonly [
  name: string,
  kind: StoreErrorKind,
  server: RedisServerOptions,
  client: Partial<RedisStoreOptions>,
  bring?: (server: RedisServer) => Promise<unknown>,
][] = [
  [
    'a wrong password',
    'auth',
    { users: [`anna on >${canarySecret('right')} ~* &* +@all`] },
    { username: 'anna', password },
  ],
  [
    'a user who may not write (NOPERM)',
    'denied',
    {
      users: [
        `anna on >${password} ~* &* +ping +get +mget +subscribe +publish +client +hello +info`,
      ],
    },
    { username: 'anna', password },
  ],
  [
    'no memory left (OOM with noeviction)',
    'full',
    { config: { maxmemory: '3mb', 'maxmemory-policy': 'noeviction' } },
    {},
    async (server) => {
      for (let index = 0; index < 60; index++) {
        const filled = server.command('SET', `fill-${index}`, Buffer.alloc(100_000))
        if (await failure(filled)) return
      }
      throw new Error('the server took more than it may keep')
    },
  ],
  [
    'a server that cannot save (MISCONF)',
    'read-only',
    // Nobody can write a file into /proc.
    { config: { save: '3600 1', dir: '/proc' } },
    {},
    async (server) => {
      await server.command('BGSAVE')
      while (
        !String(await server.command('INFO', 'persistence')).includes('last_bgsave_status:err')
      )
        await sleep(20)
    },
  ],
]

describe.each(['redis', 'valkey'] as const)('over %s,', (engine) => {
  test.each(refusals)(
    '%s is a counted failure of kind %s, and every wrap gets its value',
    async (_, kind, server, client, bring) => {
      const refusing = await started({ engine, ...server })
      await bring?.(refusing)
      const { cache, errors, kinds, expectNoSecrets } = watched({ port: refusing.port, ...client })
      expect(await wraps(cache)).toBeLessThan(500)
      expect(errors.every((error) => error instanceof StoreError)).toBe(true)
      expect(kinds()).toContain(kind)
      expect(cache.stats().storeErrors).toBeGreaterThan(0)
      expect(cache.stats().loads).toBe(30)
      const invalidation = await failure(cache.invalidateTags(['a-tag']))
      expect(invalidation).toBeInstanceOf(InvalidationError)
      expectNoSecrets(invalidation, (invalidation as Error).cause)
      expect(refusing.running()).toBe(true)
    },
    30_000,
  )

  test('a server that is not there at the start: nothing throws, and the cache attaches when it appears', async () => {
    const port = await freePort()
    const { cache, kinds, expectNoSecrets } = watched({ port, password })
    expect(await wraps(cache)).toBeLessThan(500)
    expect(kinds()).toContain('unavailable')
    const server = await started({ engine, port, config: { requirepass: password } })
    const appearedAt = performance.now()
    for (let key = 0; ; key++) {
      await cache.wrap(`later-${key}`, () => value)
      if ((await server.command('EXISTS', `default:later-${key}`)) === 1) break
      expect(performance.now() - appearedAt).toBeLessThan(3_500)
      await sleep(20)
    }
    expectNoSecrets()
  })

  test('a password costs the first call nothing: the commands log in before the bus does', async () => {
    const server = await started({ engine, config: { requirepass: password } })
    const { cache, errors } = watched({ port: server.port, password })
    expect(await cache.wrap('first', () => value)).toEqual(value)
    expect(await server.command('EXISTS', 'default:first')).toBe(1)
    expect(errors).toEqual([])
  })

  test('a value over 8 MiB is returned and not stored, counted, and in nobody’s way', async () => {
    const server = await started({ engine })
    const { cache, errors, expectNoSecrets } = watched({ port: server.port })
    const large = { ...value, text: 'x'.repeat(8 * 1024 * 1024) }
    for (const key of ['large', 'large'])
      expect((await cache.wrap(key, () => large)).text.length).toBe(large.text.length)
    expect(cache.stats()).toMatchObject({ codecErrors: 2, storeErrors: 0 })
    expect(errors).toHaveLength(2)
    expect(errors.every((error) => error instanceof CodecError)).toBe(true)
    // What was there before is not left standing by a `set` that could not be carried out.
    await cache.set('was-small', 'small')
    await cache.set('was-small', large)
    expect(await cache.get('was-small')).toBe(undefined)
    expect(await cache.wrap('large', () => 'small')).toBe('small')
    expectNoSecrets()
  })
})

test('a server that is still loading its data (LOADING) is a counted failure, and every wrap gets its value', async () => {
  const server = await startFakeRedis((command) =>
    ['HELLO', 'AUTH', 'CLIENT', 'SELECT', 'INFO', 'PING'].includes(command)
      ? undefined
      : '-LOADING Redis is loading the dataset in memory\r\n',
  )
  onTestFinished(() => server.stop())
  const { cache, kinds, expectNoSecrets } = watched({ port: server.port, password })
  expect(await wraps(cache)).toBeLessThan(500)
  expect([...kinds()]).toEqual(['unavailable'])
  expect(await failure(cache.delete('key-1'))).toBeInstanceOf(InvalidationError)
  expectNoSecrets()
})
