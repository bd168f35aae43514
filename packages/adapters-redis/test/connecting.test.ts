import { execFile } from 'node:child_process'
import { inspect, promisify } from 'node:util'
import {
  type Cache,
  createCache,
  InvalidOptionError,
  isCacheError,
  StoreError,
} from '@holdfast/core'
import { optionalMethods, storeConformance } from '@holdfast/core/testing'
import { canarySecret } from '@holdfast/lab/canary'
import { type Certificate, makeCertificates } from '@holdfast/lab/certificates'
import { startFaultProxy } from '@holdfast/lab/fault-proxy'
import { freePort } from '@holdfast/lab/free-ports'
import { leaksIn } from '@holdfast/lab/leak-scan'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type RedisStore, type RedisStoreOptions, redisBus, redisStore } from '../src/index.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const minute = { ttlMs: 60_000 }
const one = Uint8Array.of(1)

function made(options: RedisStoreOptions): RedisStore {
  const store = redisStore(options)
  onTestFinished(() => store.close())
  return store
}

async function startedRedis(options: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  return server
}

async function connects(store: RedisStore, withinMs: number, key = 'a'): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const failure = await store.get(key).then(
      () => undefined,
      (error: unknown) => error,
    )
    const tookMs = performance.now() - startedAt
    if (failure === undefined) return tookMs
    expect(tookMs, `time to connect; last: ${String(failure)}`).toBeLessThan(withinMs)
    await sleep(20)
  }
}

async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StoreError)
  return error as StoreError
}

/** Everything anybody could print of a thing, its hidden members included. */
const printed = (...things: unknown[]) =>
  things
    .map((thing) => `${inspect(thing, { depth: 20, showHidden: true })}\n${String(thing)}`)
    .join('\n')

describe('a server that is away', () => {
  test('fails no constructor, and each call within its deadline; the store attaches when it appears', async () => {
    const port = await freePort()
    const store = made({ port })
    const startedAt = performance.now()
    const failure = await failureOf(store.get('a'))
    expect(failure).toMatchObject({ kind: 'unavailable', operation: 'get', retryable: true })
    expect(failure.message).toContain('ECONNREFUSED')
    expect(performance.now() - startedAt).toBeLessThan(400)
    await startedRedis({ port })
    await connects(store, 3_000)
  })

  test('costs a call nothing once it is known to be away', async () => {
    const store = made({ port: await freePort() })
    await failureOf(store.get('a'))
    const startedAt = performance.now()
    for (let call = 0; call < 100; call++) await failureOf(store.get('a'))
    expect(performance.now() - startedAt).toBeLessThan(100)
  })

  test('leaves a client that was handed in to its own ways, and is found again by it', async () => {
    const port = await freePort()
    const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 50 })
    const store = redisStore(client)
    onTestFinished(async () => {
      await store.close()
      client.disconnect()
    })
    expect(await failureOf(store.set('a', one, minute))).toMatchObject({ kind: 'unavailable' })
    const server = await startedRedis({ port })
    await connects(store, 3_000)
    expect(await server.command('EXISTS', 'a')).toBe(0)
    await store.close()
    expect(await client.ping()).toBe('PONG')
  })

  test('the first operation waits for the connection', async () => {
    const server = await startedRedis({})
    const write = () => made({ port: server.port }).set('a', one, minute)
    // A second chance for a machine that needs more than 200 ms to connect to itself.
    await write().catch(write)
    expect(await server.command('EXISTS', 'a')).toBe(1)
  })
})

describe('a script that does nothing else', () => {
  const script = (options: string, rest = '') => `
    const { redisStore } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
    const store = redisStore(${options})
    const outcome = await store.get('a').then(String, (error) => error.kind)
    ${rest}
    console.log(outcome)`
  const runs = (text: string) =>
    promisify(execFile)(
      process.execPath,
      ['--conditions=holdfast-source', '--input-type=module', '--eval', text],
      { env: { ...process.env, NODE_OPTIONS: '' }, timeout: 10_000 },
    )

  test('gets its answer, also when it only waits, and ends when the store is closed', async () => {
    const server = await startedRedis({ users: [`anna on >${canarySecret('right')} ~* &* +@all`] })
    const open = await runs(script(`{ port: ${server.port} }`, 'await store.close()'))
    expect(['undefined', 'timeout']).toContain(open.stdout.trim())
    const away = await runs(script(`{ port: ${await freePort()} }`))
    // A busy machine may not even have been refused by then.
    expect(['unavailable', 'timeout']).toContain(away.stdout.trim())
    const slow = `{ port: ${server.port}, username: 'anna', password: () => new Promise(() => {}) }`
    expect((await runs(script(slow))).stdout.trim()).toBe('timeout')
  })
})

describe('one connection for commands and one for the bus', () => {
  test('however many caches and buses use the store', async () => {
    const server = await startedRedis({})
    const proxy = await startFaultProxy({ upstream: { port: server.port } })
    onTestFinished(() => proxy.stop())
    const store = made({ port: proxy.port, connectTimeout: 10_000 })
    await connects(store, 10_000)
    await Promise.all(Array.from({ length: 50 }, () => store.get('a')))
    expect(proxy.accepted).toBe(1)
    const buses = [store.bus(), store.bus(), store.bus()]
    await Promise.all(
      buses.map(
        (bus) =>
          new Promise<void>((resolve) =>
            bus.subscribe(
              () => undefined,
              (state) => state === 'up' && resolve(),
            ),
          ),
      ),
    )
    await buses[0]!.publish(one)
    expect(proxy.accepted).toBe(2)
    for (const bus of buses) await bus.close()
    while (proxy.standing > 1) await sleep(5)
    await store.close()
    while (proxy.standing > 0) await sleep(5)
  })
})

describe('TLS', () => {
  const certificates = makeCertificates()
  afterAll(() => certificates.remove())
  const served = (certificate: Certificate, protocols?: string) =>
    startedRedis({
      tls: {
        ...certificate,
        caFile: certificates.caFile,
        ...(protocols === undefined ? {} : { protocols }),
      },
      users: [`default on >${canarySecret('tls')} ~* &* +@all`],
    })

  test.each(['redis', 'valkey'] as const)(
    'works with %s, by options and by a function',
    async (engine) => {
      const server = await startedRedis({
        engine,
        tls: { ...certificates.good, caFile: certificates.caFile },
      })
      const byOptions = made({ host: 'localhost', port: server.port, tls: { ca: certificates.ca } })
      await byOptions.set('a', one, minute)
      const byFunction = made({
        host: '127.0.0.1',
        port: server.port,
        tls: async () => ({ ca: certificates.ca }),
      })
      expect(await byFunction.get('a')).toEqual(Buffer.from(one))
    },
  )

  test.each<[string, () => Promise<RedisServer>, string]>([
    ['expired', () => served(certificates.expired), 'CERT_HAS_EXPIRED'],
    ['for another host', () => served(certificates.wrongHost), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['self-signed', () => served(certificates.selfSigned), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['good, and the protocol TLS 1.1', () => served(certificates.good, 'TLSv1.1'), 'ERR_SSL'],
  ])(
    'is refused when the certificate is %s, and not one byte goes out in clear',
    async (_, start, code) => {
      const server = await start()
      const proxy = await startFaultProxy({ upstream: { port: server.port } })
      proxy.record(true)
      onTestFinished(() => proxy.stop())
      const store = made({
        host: 'localhost',
        port: proxy.port,
        password: canarySecret('tls'),
        tls: { ca: certificates.ca },
        connectTimeout: 2_000,
      })
      let failure = await failureOf(store.get('secret key'))
      // On a busy machine the first call may have given up before the handshake did.
      while (failure.kind === 'timeout') failure = await failureOf(store.get('secret key'))
      expect(failure).toMatchObject({ kind: 'auth', retryable: false })
      expect(failure.message).toContain(code)
      const sent = proxy.recorded
      expect(sent.length).toBeGreaterThan(0)
      // Records of TLS: handshake (22), change of cipher (20) or alert (21), of some version 3.x.
      expect([20, 21, 22]).toContain(sent[0])
      expect(sent[1]).toBe(3)
      for (const word of ['HELLO', 'AUTH', canarySecret('tls'), 'GET', 'secret key', 'PING']) {
        expect(sent.includes(word), word).toBe(false)
      }
    },
  )

  test('asked of a server that does not speak it is named as the reason, before and after the deadline', async () => {
    const server = await startedRedis({})
    const store = made({ host: '127.0.0.1', port: server.port, tls: {} })
    const reason = async () => (await failureOf(store.get('a'))).message
    // Where a random byte of the greeting ends a line, the server answers it in clear.
    expect(await reason()).toMatch(/[25]00 ms.*does it speak TLS|what came is no TLS/)
    await expect
      .poll(reason, { timeout: 5_000 })
      .toMatch(/500 ms.*does it speak TLS|what came is no TLS/)
  })

  test('options are asked for again at each connect, so a renewed authority is found', async () => {
    const server = await served(certificates.good)
    let asked = 0
    const store = made({
      host: 'localhost',
      port: server.port,
      password: canarySecret('tls'),
      tls: () => ({ ca: ++asked === 1 ? [] : certificates.ca }),
    })
    await failureOf(store.get('a'))
    await connects(store, 6_000)
    expect(asked).toBeGreaterThan(1)
  })

  test('without a check of the certificate is refused unless it is called insecure', async () => {
    const tls = { rejectUnauthorized: false }
    expect(() => redisStore({ host: 'localhost', tls })).toThrow(InvalidOptionError)
    const server = await served(certificates.selfSigned)
    const options = { host: 'localhost', port: server.port, password: canarySecret('tls') }
    const byFunction = made({ ...options, tls: () => tls })
    expect((await failureOf(byFunction.get('a'))).message).toContain('insecure: true')
    await connects(made({ ...options, tls, insecure: true }), 5_000)
  })
})

describe('plaintext to a public address', () => {
  test('is refused before anything is sent, whatever the address is written like', () => {
    for (const host of [
      '93.184.215.14',
      '2606:2800:21f:cb07:6820:80da:af6b:8b2c',
      '::ffff:8.8.8.8',
    ]) {
      expect(() => redisStore({ host })).toThrow(InvalidOptionError)
      expect(() => redisBus({ host })).toThrow(/insecure: true/)
    }
    expect(() => redisStore({ sentinels: [{ host: '8.8.8.8' }], name: 'main' })).toThrow(/insecure/)
  })

  test('is allowed where it is nearby, encrypted, or wanted', async () => {
    const allowed: RedisStoreOptions[] = [
      { host: '127.0.0.1' },
      { host: '10.1.2.3' },
      { host: '172.31.0.1' },
      { host: '192.168.0.9' },
      { host: '100.64.0.1' },
      { host: '::1' },
      { host: 'fd00::1' },
      { host: 'redis.internal' },
      { path: '/tmp/none' },
      { host: '93.184.215.14', tls: true },
      { host: '93.184.215.14', insecure: true },
    ]
    for (const options of allowed) await redisStore(options).close()
  })
})

describe('passwords and users', () => {
  const secret = canarySecret('anna')
  const users = (password: string) => [`anna on >${password} ~* &* +@all`, 'default off']

  test.each(['redis', 'valkey'] as const)(
    'a user with a password is let in by %s',
    async (engine) => {
      const server = await startedRedis({ engine, users: users(secret) })
      const store = made({ port: server.port, username: 'anna', password: secret })
      await store.set('a', one, minute)
      expect(await store.get('a')).toEqual(Buffer.from(one))
    },
  )

  test('a wrong one is a typed failure, tried at most once a second by all of the process', async () => {
    const server = await startedRedis({ users: users(canarySecret('right')) })
    const options = { port: server.port, username: 'anna', password: secret }
    const stores = [made(options), made(options), made(options)]
    for (const store of stores) {
      store.bus().subscribe(
        () => undefined,
        () => undefined,
      )
    }
    const endsAt = performance.now() + 3_500
    const failures: StoreError[] = []
    while (performance.now() < endsAt) {
      for (const store of stores) failures.push(await failureOf(store.get('a')))
      await sleep(20)
    }
    const { hello = 0, auth = 0 } = await server.commandCounts()
    // One at the start and one in each second after it; the question about it logged in, too.
    expect(hello + auth - 1).toBeGreaterThanOrEqual(2)
    expect(hello + auth - 1).toBeLessThanOrEqual(4)
    expect(failures.some(({ kind }) => kind === 'auth')).toBe(true)
    expect(failures.find(({ kind }) => kind === 'auth')?.message).toContain('WRONGPASS')
  }, 15_000)

  test('a provider is asked at each connect, and a rotated password is found within 2 s', async () => {
    const server = await startedRedis({ users: users(canarySecret('first')) })
    let current = canarySecret('first')
    const asked: string[] = []
    const store = made({
      port: server.port,
      username: 'anna',
      password: async () => {
        asked.push(current)
        return current
      },
    })
    await connects(store, 5_000)
    await server.command('ACL', 'SETUSER', 'anna', 'resetpass', `>${canarySecret('second')}`)
    await server.command('CLIENT', 'KILL', 'USER', 'anna')
    while ((await store.get('a').catch(() => 'away')) !== 'away') await sleep(5)
    await sleep(2_500)
    expect((await failureOf(store.get('a'))).kind).toBe('auth')
    current = canarySecret('second')
    await connects(store, 2_500)
    expect(asked.at(0)).toBe(canarySecret('first'))
    expect(asked.at(-1)).toBe(canarySecret('second'))
  }, 15_000)

  test('a provider that fails or throws its secret is named, and its words are not passed on', async () => {
    const server = await startedRedis({ users: users(secret) })
    const store = made({
      port: server.port,
      username: 'anna',
      password: () => Promise.reject(new Error(`vault says no to ${secret}`)),
    })
    const failure = await failureOf(store.get('a'))
    expect(failure.kind).toBe('auth')
    expect(failure.message).toContain('password')
    expect(printed(failure)).not.toContain(secret)
  })

  test('no password, key or value is in a message, a cause or anything that can be inspected', async () => {
    const server = await startedRedis({ users: users(canarySecret('right')) })
    const warnings: unknown[] = []
    const log = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'log')]
    const warn = (warning: Error) => warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => {
      process.off('warning', warn)
      for (const spy of log) spy.mockRestore()
    })
    const wrong = made({ port: server.port, username: 'anna', password: secret })
    const failures: unknown[] = [await failureOf(wrong.get('a'))]
    for (let tries = 0; tries < 20; tries++) {
      failures.push(await failureOf(wrong.set(secret, Buffer.from(secret), minute)))
      await sleep(20)
    }
    const right = made({
      port: server.port,
      username: 'anna',
      password: canarySecret('right'),
      db: 15,
    })
    await wrong.close()
    await connects(right, 4_000)
    await server.command('ACL', 'SETUSER', 'anna', '-set')
    failures.push(await failureOf(right.set(secret, Buffer.from(secret), minute)))
    await server.command('ACL', 'SETUSER', 'anna', '+set', 'resetkeys', '~other:*')
    failures.push(await failureOf(right.set(secret, Buffer.from(secret), minute)))
    const all = printed(
      ...failures,
      wrong,
      right,
      right.bus(),
      ...warnings,
      log.map((spy) => spy.mock.calls),
    )
    expect(leaksIn('printed', all)).toEqual([])
  })
})

describe('the documented minimal ACL', () => {
  const rights =
    '+get +mget +set +del +exists +pexpire +persist +getrange +eval +evalsha +scan +info +ping +hello +publish +subscribe'
  const capabilities = {
    ttlGranularityMs: 1,
    maxKeyBytes: 65_536,
    maxValueBytes: 8 * 1024 * 1024,
    evicts: true,
  }

  describe.each(['redis', 'valkey'] as const)('on %s', (engine) => {
    let server: RedisServer
    beforeAll(async () => {
      server = await startRedis({
        engine,
        users: [
          `cache on >${canarySecret('acl')} ~conformance:* &holdfast:* ${rights}`,
          'default off',
        ],
      })
    })
    afterAll(() => server.stop())

    const cases = storeConformance({
      async create() {
        const user = { username: 'cache', password: canarySecret('acl') }
        const store = redisStore({ port: server.port, ...user, commandTimeout: 5_000 })
        await connects(store, 3_000, 'conformance:a')
        return store
      },
      capabilities,
      methods: optionalMethods,
    }).filter(({ name }) => !/8 MiB|exactly the declared limit/.test(name))

    test.concurrent.each(cases)(
      '$name',
      async ({ run }) => {
        expect(await run()).toEqual({})
      },
      20_000,
    )
  })

  test('a refused EVAL, PUBLISH, SUBSCRIBE or INFO costs one warning each and that feature only', async () => {
    const allowed = rights.replace(/\+(eval|evalsha|publish|subscribe|info)\b/g, '')
    const server = await startedRedis({
      users: [`cache on >${canarySecret('acl')} ~* &* ${allowed}`],
    })
    const warned: string[] = []
    const warn = (warning: Error & { code?: string }) => warned.push(warning.code ?? '')
    process.on('warning', warn)
    onTestFinished(() => {
      process.off('warning', warn)
    })
    const store = made({ port: server.port, username: 'cache', password: canarySecret('acl') })
    await connects(store, 5_000)
    await store.set('a', one, minute)
    const states: string[] = []
    const bus = store.bus()
    bus.subscribe(
      () => undefined,
      (state) => states.push(state),
    )
    for (let twice = 0; twice < 2; twice++) {
      expect(await failureOf(store.replace('a', one, one, minute))).toMatchObject({
        kind: 'denied',
      })
      expect(await failureOf(bus.publish(one))).toMatchObject({ kind: 'denied' })
      expect(await store.metrics()).toEqual({})
    }
    // The second login of a store comes a second after the first.
    for (let tries = 0; tries < 150 && warned.length < 4; tries++) await sleep(20)
    expect(warned.sort()).toEqual([
      'HOLDFAST_REDIS_NO_EVAL',
      'HOLDFAST_REDIS_NO_INFO',
      'HOLDFAST_REDIS_NO_PUBLISH',
      'HOLDFAST_REDIS_NO_SUBSCRIBE',
    ])
    expect(states).not.toContain('up')
    expect(await store.get('a')).toEqual(Buffer.from(one))
    const adds = await Promise.all(Array.from({ length: 20 }, () => store.add('b', one, minute)))
    expect(adds.filter((found) => found === undefined)).toHaveLength(1)
    expect(await store.touch('a', minute)).toBe(true)
  })
})

test('a bus whose user may not publish says down, and up again when it may', async () => {
  const server = await startedRedis({
    users: [`cache on >${canarySecret('acl')} ~* &* +@all -publish`],
  })
  const bus = redisBus({ port: server.port, username: 'cache', password: canarySecret('acl') })
  onTestFinished(() => bus.close())
  const states: string[] = []
  bus.subscribe(
    () => undefined,
    (state) => states.push(state),
  )
  while (states.length === 0) await sleep(10)
  expect(await failureOf(bus.publish(one).catch(() => bus.publish(one)))).toMatchObject({
    kind: expect.stringMatching(/denied|timeout/),
  })
  while (states.length === 1) {
    await bus.publish(one).catch(() => undefined)
    await sleep(10)
  }
  await server.command('ACL', 'SETUSER', 'cache', '+publish')
  await bus.publish(one)
  expect(states).toEqual(['up', 'down', 'up'])
})

test('without the right to EVAL processes share values, and only the claims are lost', async () => {
  const server = await startedRedis({
    users: [`cache on >${canarySecret('acl')} ~* &* +@all -eval -evalsha`],
  })
  const store = () => made({ port: server.port, username: 'cache', password: canarySecret('acl') })
  const stores = [store(), store()]
  for (const each of stores) await connects(each, 5_000)
  const caches = stores.map((each) =>
    createCache({ name: 'denied', memory: false, bus: false, store: each }),
  )
  onTestFinished(async () => {
    for (const cache of caches) await cache.close()
  })
  for (const cache of caches) cache.on('error', () => undefined)
  let loads = 0
  const wrap = (cache: Cache, key: string) => cache.wrap(key, () => `value ${++loads}`)
  // Each process finds out by its first load, whose value is not kept.
  for (const [index, cache] of caches.entries()) await wrap(cache, `finds out ${index}`)
  const before = loads
  for (let times = 0; times < 3; times++) {
    for (const cache of caches) expect(await wrap(cache, 'shared')).toBe(`value ${before + 1}`)
  }
  expect(loads).toBe(before + 1)
})

test('options that cannot work are refused by name before anything is connected', () => {
  const refused: [object, RegExp][] = [
    [{ port: 0 }, /port/],
    [{ port: 70_000 }, /port/],
    [{ commandTimeout: -1 }, /commandTimeout/],
    [{ connectTimeout: Number.NaN }, /connectTimeout/],
    [{ maxValueBytes: 0 }, /maxValueBytes/],
    [{ keyPrefix: 'a:' }, /namespace/],
  ]
  for (const [options, words] of refused) {
    expect(() => redisStore(options)).toThrow(words)
    expect(() => redisStore(options)).toThrow(InvalidOptionError)
  }
  expect(() => redisStore(undefined as never)).toThrow(InvalidOptionError)
  const prefixed = new Redis({ lazyConnect: true, keyPrefix: 'a:' })
  expect(() => redisStore(prefixed)).toThrow(/keyPrefix/)
  expect(isCacheError(new InvalidOptionError(''))).toBe(true)
})
