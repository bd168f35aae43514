import { readFileSync } from 'node:fs'
import { InvalidOptionError, memoryStore } from '@holdfast/core'
import { parseNutcracker } from '@holdfast/core/sharding'
import { canary, canarySecret } from '@holdfast/lab/canary'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { memcachedStore, shardedMemcached } from './index.ts'
import type { MemcachedStoreOptions } from './memcached-options.ts'

const servers = ['127.0.0.1:1']

describe('options that cannot work are refused before anything is opened, by their path', () => {
  test.each<[unknown, RegExp]>([
    [undefined, /needs servers such as/],
    [{}, /needs servers such as/],
    [{ servers: '127.0.0.1:11211' }, /needs servers such as/],
    [{ servers: [] }, /at least one server/],
    [{ servers: [7] }, /servers\[0\] must be 'host:port' or an object/],
    [{ servers: [null] }, /servers\[0\] must be .*; it was null/],
    [{ servers: [{ host: 7 }] }, /servers\[0\]\.host must be/],
    [{ servers: [{ host: 'a:1' }] }, /servers\[0\]\.host must be .*servers\[0\]\.port/],
    [{ servers: ['./memcached.sock'] }, /servers\[0\] must be an address/],
    [{ servers: ['a:1', 'two words'] }, /servers\[1\] must be an address/],
    [{ servers: ['a:70000'] }, /servers\[0\]\.port must be/],
    [{ servers: [{ host: 'a', port: 0 }] }, /servers\[0\]\.port must be/],
    [{ servers: [{ weight: 1 }] }, /servers\[0\] needs a host, a path or a name/],
    [{ servers: [{ name: 'not an address' }] }, /servers\[0\]\.name must be an address/],
    [{ servers: [{ host: 'a', weight: 0 }] }, /servers\[0\]\.weight must be/],
    [{ servers: [{ host: 'a', wieght: 2 }] }, /did you mean 'weight'/],
    [{ servers: ['a:1', 'a:1'] }, /same name/],
    [{ servers, protocoll: 'meta' }, /no option 'protocoll'; did you mean 'protocol'\?/],
    [{ servers, conectTimeout: 1 }, /did you mean 'connectTimeout'\?/],
    [{ servers, protocol: 'text' }, /protocol must be 'binary' or 'meta'/],
    [{ servers, connectTimeout: 0 }, /connectTimeout must be milliseconds above 0.*it was 0/],
    [{ servers, connectTimeout: 'soon' }, /connectTimeout must be .*it was of type string/],
    [{ servers, commandTimeout: -1 }, /commandTimeout must be/],
    [
      { servers, itemBytes: 1_000 },
      /itemBytes must be a whole number from 16384 to 1073741824; it was 1000/,
    ],
    [{ servers, itemBytes: 2 ** 31 }, /itemBytes must be/],
    [{ servers, maxValueBytes: 1.5 }, /maxValueBytes must be/],
    [{ servers, maxValueBytes: 2 ** 32 }, /maxValueBytes must be at most 4292870144/],
    [{ servers, itemBytes: 16_384, maxValueBytes: 2 ** 26 }, /at most 65011712.*16384.*itemBytes/],
    [{ servers, itemBytes: 2 ** 30, maxValueBytes: 2 ** 32 }, /number from 1 to 4294967295/],
    [{ servers, name: '' }, /name must be a non-empty string/],
    [{ servers, name: 7 }, /name must be a non-empty string; it was 7/],
    [{ servers, timeout: 'soon' }, /^timeout must be/],
    [{ servers, clock: {} }, /clock must be an object with the methods now, monotonic/],
    [{ servers, insecure: 'yes' }, /insecure must be true or false/],
    [{ servers, tls: 'yes' }, /tls must be true/],
    [{ servers, tls: [] }, /tls must be true/],
    [{ servers, tls: { rejectUnauthorized: false } }, /tls\.rejectUnauthorized/],
    [{ servers, tls: { minVersion: 'TLSv1.1' } }, /tls\.minVersion/],
    [{ servers, username: 'me' }, /password must be/],
    [{ servers, username: 'me', password: '' }, /password must be/],
    [{ servers, username: 'me', password: 314159 }, /password must be [^\d]+ of type number$/],
    [{ servers, hash: 'fnv' }, /hash must be one of/],
    [{ servers, distribution: 'ketma' }, /did you mean 'ketama'/],
    [{ servers: ['a:1', 'b:1'], distribution: 'random' }, /must not be 'random'/],
    [{ servers: ['a:1', 'b:1'], onFailure: 'retry' }, /onFailure must be one of/],
    [{ servers: ['a:1', 'b:1'], eject: { limit: 1 } }, /eject/],
    [{ servers, redis: true }, /speaks redis/],
  ])('%j', (options, message) => {
    for (const make of [memcachedStore, shardedMemcached]) {
      expect(() => make(options as MemcachedStoreOptions)).toThrow(message)
      expect(() => make(options as MemcachedStoreOptions)).toThrow(InvalidOptionError)
    }
  })

  test('no message holds a secret', () => {
    const password = canarySecret('login')
    const secrets: [object, RegExp][] = [
      [{ servers, password }, /username must be/],
      [{ servers, username: 'two\r\nlines', password }, /username must be/],
      [{ servers, username: canary }, /password must be/],
      [{ servers, username: `${canary}\r\n`, password }, /username must be/],
      [{ servers, tls: canary }, /tls must be/],
      [{ servers, connectTimeout: canary }, /connectTimeout must be/],
    ]
    for (const [options, expected] of secrets) {
      let message = ''
      try {
        memcachedStore(options as unknown as MemcachedStoreOptions)
      } catch (error) {
        message = (error as Error).message
      }
      expect(message).toMatch(expected)
      expect(message).not.toContain(canary)
    }
  })
})

describe('bytes in clear', () => {
  test.each(['8.8.8.8:11211', '[2001:4860:4860::8888]:11211'])(
    'do not go to %s',
    async (address) => {
      expect(() => memcachedStore({ servers: [address] })).toThrow(
        /public address .*insecure: true/,
      )
      expect(() => memcachedStore({ servers: ['127.0.0.1', address] })).toThrow(/public address/)
      for (const options of [{ insecure: true }, { tls: true }] as const) {
        const store = memcachedStore({ servers: [address], ...options })
        await store.close()
      }
    },
  )
})

describe('a server without a login', () => {
  afterEach(() => {
    vi.resetModules()
    vi.restoreAllMocks()
  })
  /** The warnings of one process that makes these stores. */
  async function warnings(...all: Partial<MemcachedStoreOptions>[]): Promise<unknown[]> {
    vi.resetModules()
    const { memcachedStore: fresh } = await import('./memcached-store.ts')
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    for (const options of all) await fresh(options as MemcachedStoreOptions).close()
    return warn.mock.calls.map(([message]) => message)
  }

  test('is warned of once, where others may reach it', async () => {
    const given = await warnings({ servers: ['10.0.0.1'] }, { servers: ['10.0.0.2', 'memcached'] })
    expect(given).toHaveLength(1)
    expect(given[0]).toMatch(/10\.0\.0\.1:11211 is used without a login/)
  })

  test('is not warned of on this machine, or where the server knows who asks', async () => {
    const given = await warnings(
      { servers: ['127.0.0.1', 'localhost', '[::1]', '/run/memcached.sock'] },
      { servers: ['10.0.0.1'], username: 'me', password: canarySecret('login') },
      { servers: ['10.0.0.1'], tls: { cert: 'certificate', key: 'key' } },
    )
    expect(given).toEqual([])
  })
})

describe('servers are told apart as the ring names them', () => {
  test('in text and in parts alike, with 11211 for a port that is not given', async () => {
    const store = shardedMemcached({
      servers: ['localhost', '127.0.0.1:1', '[::1]:2', '/run/a.sock', { host: '10.0.0.9' }],
      username: 'me',
      password: canarySecret('login'),
    })
    expect(Object.keys(store.stats().servers)).toEqual([
      'localhost:11211',
      '127.0.0.1:1',
      '::1:2',
      '/run/a.sock',
      '10.0.0.9:11211',
    ])
    await store.close()
  })

  test('a pool of parseNutcracker is taken as it is, as all options or as the servers', async () => {
    const { pools } = parseNutcracker(
      [
        'beta:',
        '  listen: 127.0.0.1:22122',
        '  hash: fnv1a_64',
        '  distribution: ketama',
        '  timeout: 400',
        '  auto_eject_hosts: true',
        '  servers:',
        '   - 127.0.0.1:11212:1 one',
        '   - 127.0.0.1:11213:2',
      ].join('\n'),
    )
    for (const options of [pools.beta!, { servers: pools.beta!, protocol: 'meta' as const }]) {
      const store = memcachedStore(options) as ReturnType<typeof shardedMemcached>
      expect(Object.keys(store.stats().servers)).toEqual(['one', '127.0.0.1:11213'])
      expect(store.name).toBe('beta')
      await store.close()
    }
  })

  test('one server is spoken to as it is, unless it is to be judged', async () => {
    const plain = memcachedStore({ servers })
    expect(plain.name).toBe('memcached')
    expect(plain).not.toHaveProperty('setServers')
    const judged = memcachedStore({ servers, onFailure: 'gutter', gutter: memoryStore() })
    expect(judged).toHaveProperty('setServers')
    await Promise.all([plain.close(), judged.close()])
  })
})

test('the README tells every option of its own, and no other', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'))
  const told = rows.flatMap((row) =>
    [...row.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  )
  let known: string[] = []
  try {
    memcachedStore({ servers, none: 1 } as MemcachedStoreOptions)
  } catch (error) {
    known = / It knows (.+)$/.exec((error as Error).message)![1]!.split(', ')
  }
  for (const option of told) expect(known).toContain(option)
  const ownOnes = known.slice(0, known.indexOf('distribution') + 1)
  expect(ownOnes.length).toBeGreaterThan(8)
  expect(told).toEqual(expect.arrayContaining(ownOnes))
})

test('a store says what it can and what it cannot', async () => {
  const store = memcachedStore({
    servers,
    itemBytes: 65_536,
    maxValueBytes: 100_000,
    name: 'sessions',
  })
  expect(store.name).toBe('sessions')
  expect(store.capabilities).toEqual({
    ttlGranularityMs: 1_000,
    maxKeyBytes: 8_192,
    maxValueBytes: 100_000,
    evicts: true,
  })
  expect(store).not.toHaveProperty('list')
  expect(store).not.toHaveProperty('bus')
  await store.close()
})
