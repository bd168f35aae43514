import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { canaryKey, canarySecret } from '../../../../lab/src/canary.ts'
import { InvalidOptionError } from '../errors.ts'
import { memoryStore } from '../store/memory-store.ts'
import type { ConfigError } from './config-error.ts'
import type { HoldfastConfig } from './config-options.ts'
import { createFromConfig } from './create-from-config.ts'
import { readConfig } from './read-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const secret = canaryKey('config').toString()

describe('what a configuration becomes', () => {
  it('is caches over stores made of stores, rings, sessions, all by name', async () => {
    const config: HoldfastConfig = {
      stores: {
        one: { memory: {} },
        two: { memory: { maxEntries: 100 } },
        ring: { sharded: { servers: [{ store: 'one' }, { store: 'two', weight: 2 }] } },
        spare: { memory: {} },
        safe: { failover: { main: 'ring', gutter: 'spare' } },
        part: { prefixed: { store: 'safe', prefix: 'p:' } },
        sealed: { encrypted: { store: 'part', keys: [{ id: 'a', secret }] } },
      },
      rings: { r: { servers: [{ name: 'a' }, { name: 'b' }], distribution: 'ketama' } },
      caches: {
        api: { store: 'sealed', sensitive: true, codec: { compression: {} } },
        local: { policies: { 'a:*': { ttl: 0 } } },
      },
      sessions: { web: { store: 'spare', secrets: [secret] } },
    }
    const made = await createFromConfig(config)
    const api = made.cache('api')
    expect(await api.wrap('k', () => ({ a: 1 }))).toEqual({ a: 1 })
    expect(await made.store('sealed').get('x')).toBeUndefined()
    expect(['a', 'b']).toContain(made.ring('r').locate('key'))
    expect(made.session('web').stats()).toBeDefined()
    const local = made.caches.local!
    await local.wrap('a:1', () => 1)
    await local.wrap('b:1', () => 1)
    expect([await local.get('a:1'), await local.get('b:1')]).toEqual([undefined, 1])
    expect(() => made.cache('apii')).toThrow(/did you mean 'api'/)
    expect(() => made.cache('apii')).toThrow(InvalidOptionError)
    await made.close()
    await made.close()
    await expect(api.get('k')).rejects.toThrow(/closed/)
    await expect(made.store('one').get('k')).rejects.toThrow(/closed/)
  })

  it('has the adapters that were handed in, as modules or as their one function', async () => {
    const seen: unknown[] = []
    const store = (options: object) => {
      seen.push(options)
      return memoryStore()
    }
    const config: HoldfastConfig = {
      stores: {
        a: { redis: { host: '127.0.0.1', password: secret } },
        b: { memcached: { servers: ['127.0.0.1:1'] } },
      },
    }
    await createFromConfig(config, { redis: { redisStore: store }, memcached: store })
    await createFromConfig(config, { redis: store, memcached: { memcachedStore: store } })
    expect(seen[0]).toEqual({ storeName: 'a', host: '127.0.0.1', password: secret })
    expect(seen[1]).toEqual({ name: 'b', servers: ['127.0.0.1:1'] })
    expect(seen.slice(2)).toEqual(seen.slice(0, 2))
    const error = await refusal(createFromConfig(config, { memcached: store }))
    expect(error.path).toBe('stores.a.redis')
    expect(error.message).toMatch(/needs redisStore of @holdfast\/redis: import \* as redis/)
  })

  it('asks for a password from a file or a function before each connect', async () => {
    const path = join(folder, 'password')
    writeFileSync(path, canarySecret('first'))
    const given: (() => Promise<string>)[] = []
    const redis = (options: { password: () => Promise<string> }) => {
      given.push(options.password)
      return memoryStore()
    }
    await createFromConfig(
      {
        stores: {
          a: { redis: { password: `file:${path}` } },
          b: { redis: { password: async () => canarySecret('mine') } },
        },
      },
      { redis: redis as never },
    )
    writeFileSync(path, canarySecret('second'))
    expect(await given[0]!()).toBe(canarySecret('second'))
    expect(await given[1]!()).toBe(canarySecret('mine'))
  })

  it('is nothing where one part cannot be built: what was open is closed, and the path is told', async () => {
    const inner = memoryStore()
    const error = await refusal(
      createFromConfig(
        {
          stores: {
            a: { redis: {} },
            b: { encrypted: { store: 'a', keys: [{ id: 'x', secret: 'short' }] } },
          },
        },
        { redis: () => inner },
      ),
    )
    expect(error.path).toBe('stores.b')
    expect(error.message).toMatch(/^stores\.b: .*must be 32 bytes/)
    await expect(inner.get('k')).rejects.toThrow(/closed/)
  })

  it('tells nothing of what somebody else threw', async () => {
    const error = await refusal(
      createFromConfig(
        { stores: { a: { redis: { password: secret } } } },
        {
          redis: () => {
            throw new Error(`no login with ${secret}`)
          },
        },
      ),
    )
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret)
    expect(error.path).toBe('stores.a')
  })

  it('gives stores the ring that they name, of whatever it is made', async () => {
    const seen: Record<string, unknown>[] = []
    const adapter = (options: object) => {
      seen.push(options as Record<string, unknown>)
      return memoryStore()
    }
    writeFileSync(
      join(folder, 'pool.yml'),
      'alpha:\n  listen: 127.0.0.1:1\n  hash: murmur\n  servers:\n   - 10.0.0.1:11211:1\n',
    )
    const file = join(folder, 'stores.yaml')
    writeFileSync(
      file,
      `
rings:
  pool: { nutcracker: pool.yml }
  own: { servers: [{ host: 10.0.0.1 }], distribution: rendezvous }
stores:
  a: { memcached: { ring: pool, protocol: meta } }
  b: { shardedRedis: { ring: own, timeout: 50ms } }
`,
    )
    await createFromConfig(await readConfig({ file, env: {} }), {
      memcached: adapter,
      redis: { redisStore: adapter, shardedRedis: adapter },
    })
    expect(seen[0]).toMatchObject({
      compat: 'twemproxy',
      hash: 'murmur',
      name: 'a',
      protocol: 'meta',
    })
    expect(seen[1]).toEqual({
      name: 'b',
      servers: [{ host: '10.0.0.1' }],
      distribution: 'rendezvous',
      timeout: '50ms',
      connection: { storeName: 'b' },
    })
    writeFileSync(file, 'stores: { a: { memcached: {} } }')
    const error = await refusal(readConfig({ file, env: {} }))
    expect(error.message).toMatch(/stores\.a\.memcached must have exactly one of servers, ring/)
  })

  it('keeps rings of a nutcracker.yml in the place they have there', async () => {
    writeFileSync(
      join(folder, 'nutcracker.yml'),
      'alpha:\n  listen: 127.0.0.1:1\n  hash: fnv1a_64\n  distribution: ketama\n  servers:\n   - 10.0.0.1:11211:1\n   - 10.0.0.2:11211:1\n',
    )
    const file = join(folder, 'ring.yaml')
    writeFileSync(file, 'rings: { r: { nutcracker: nutcracker.yml } }')
    const made = await createFromConfig(await readConfig({ file, env: {} }))
    expect(made.ring('r').locate('key')).toMatch(/^10\.0\.0\.[12]$/)
    writeFileSync(file, 'rings: { r: { nutcracker: nutcracker.yml, pool: alpa } }')
    const error = await refusal(createFromConfig(await readConfig({ file, env: {} })))
    expect(error.message).toMatch(/^rings\.r\.pool: .*did you mean 'alpha'/)
  })
})

async function refusal(promise: Promise<unknown>): Promise<ConfigError> {
  return promise.then(
    () => expect.unreachable('it was not refused'),
    (error: unknown) => error as ConfigError,
  )
}
