import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCache } from '@holdfast/core'
import { canarySecret } from '@holdfast/lab/canary'
import { makeCertificates } from '@holdfast/lab/certificates'
import { type MemcachedServerOptions, startMemcached } from '@holdfast/lab/memcached-server'
import { scratchDirectory } from '@holdfast/lab/scratch'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type MemcachedStoreOptions, memcachedStore } from '../src/index.ts'

const minute = { ttlMs: 60_000 }
const patient = { commandTimeout: '20s', connectTimeout: '20s' } as const

async function start(options: MemcachedServerOptions = {}) {
  const server = await startMemcached(options)
  onTestFinished(async () => {
    // It takes a second to end by itself.
    await server.kill()
    await server.stop()
  })
  return server
}

function open(options: MemcachedStoreOptions) {
  const store = memcachedStore({ ...patient, ...options })
  onTestFinished(() => store.close())
  return store
}

async function works(store: ReturnType<typeof memcachedStore>) {
  await store.set('a', Buffer.from('value'), minute)
  expect(Buffer.from((await store.get('a'))!).toString()).toBe('value')
}

/** What the store says no with. */
async function refusal(store: ReturnType<typeof memcachedStore>) {
  return store.get('a').then(
    () => {
      throw new Error('it should have been refused')
    },
    (error: Error & { kind: string }) => ({ kind: error.kind, message: error.message }),
  )
}

describe('a server with one protocol', () => {
  test('text: binary is refused by an error that names the option, meta works', async () => {
    const server = await start({ protocol: 'ascii' })
    const { message } = await refusal(open({ servers: [server.address] }))
    expect(message).toContain("protocol: 'meta'")
    await works(open({ servers: [server.address], protocol: 'meta' }))
  })

  test('text: a cache over the wrong one goes on without it', async () => {
    const server = await start({ protocol: 'ascii' })
    const cache = createCache({
      store: memcachedStore({ servers: [server.address] }),
      memory: false,
    })
    onTestFinished(() => cache.close())
    const errors: string[] = []
    cache.on('error', ({ error }) => errors.push(String(error)))
    expect(await cache.wrap('a', () => 'loaded')).toBe('loaded')
    expect(errors.join()).toContain("protocol: 'meta'")
  })

  test('binary: meta does not work, binary does', async () => {
    const server = await start({ protocol: 'binary' })
    const meta = open({ servers: [server.address], protocol: 'meta', commandTimeout: '200ms' })
    // It hangs up on what is no binary header.
    const { kind, message } = await refusal(meta)
    expect(kind).toBe('unavailable')
    expect(message).toContain('see protocol')
    await works(open({ servers: [server.address] }))
  })
})

describe('a login', () => {
  const users = { service: canarySecret('service') }
  const secret = users.service

  async function textLogins() {
    const scratch = scratchDirectory()
    onTestFinished(() => scratch.remove())
    // The server runs as somebody else, who has to get in.
    chmodSync(scratch.path, 0o755)
    const file = join(scratch.path, 'logins')
    writeFileSync(file, `service:${secret}\n`, { mode: 0o644 })
    return start({ args: ['-Y', file], protocol: 'ascii' })
  }

  test.each(['binary', 'meta'] as const)(
    '%s: the right one works, a wrong one and none are refused',
    async (protocol) => {
      const server = protocol === 'meta' ? await textLogins() : await start({ users })
      const servers = [server.address]
      await works(open({ servers, protocol, username: 'service', password: secret }))
      await works(open({ servers, protocol, username: 'service', password: async () => secret }))
      const wrong = open({
        servers,
        protocol,
        username: 'service',
        password: canarySecret('wrong'),
      })
      const { kind, message } = await refusal(wrong)
      expect(kind).toBe('auth')
      expect(message).toContain('password')
      expect(message).not.toContain(canarySecret('wrong'))
      const none = await refusal(open({ servers, protocol }))
      expect(none.kind).toBe('auth')
      expect(none.message).toContain('username')
    },
  )
})

test.each(['binary', 'meta'] as const)(
  '%s: a unix socket is a server like any other',
  async (protocol) => {
    const server = await start({ unixSocket: true })
    await works(open({ servers: [server.socketPath!], protocol }))
    await works(open({ servers: [{ path: server.socketPath! }], protocol }))
  },
)

describe.each(['binary', 'meta'] as const)(
  'a mistake is told by what to do about it, %s',
  (protocol) => {
    test.each([
      ['127.0.0.1:1', 'nothing listens there (ECONNREFUSED); see servers'],
      ['no-such-host.invalid', 'see servers'],
      ['/nowhere/memcached.sock', 'there is no such socket (ENOENT); see servers'],
    ])('the address %s', async (address, hint) => {
      vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      onTestFinished(() => void vi.restoreAllMocks())
      const { kind, message } = await refusal(open({ servers: [address], protocol }))
      expect(kind).toBe('unavailable')
      expect(message).toContain(hint)
    })

    test('a server that wants TLS, and one that has none', async () => {
      const certificates = makeCertificates()
      onTestFinished(() => certificates.remove())
      const secure = await start({ tls: certificates.good })
      const { kind, message } = await refusal(open({ servers: [secure.address], protocol }))
      expect(kind).toBe('unavailable')
      expect(message).toContain('does it want TLS (see tls)')
      const plain = await start()
      const asked = await refusal(open({ servers: [plain.address], protocol, tls: true }))
      expect(asked.kind).toBe('unavailable')
      expect(asked.message).toContain('TLS failed with')
    })

    test('functions that give no TLS options, and no password', async () => {
      const { address } = await start()
      const none = () => undefined as never
      const tls = await refusal(open({ servers: [address], protocol, tls: none }))
      expect(tls.message).toContain('tls must be true, an object')
      const login = { username: 'me', password: none }
      const password = await refusal(open({ servers: [address], protocol, ...login }))
      expect(password.kind).toBe('auth')
      expect(password.message).toContain('password has to give a non-empty string')
    })
  },
)

test('a login that the server has no use for is not left there as a value', async () => {
  const server = await start()
  const servers = [server.address]
  await works(open({ servers, protocol: 'meta', username: 'me', password: canarySecret('unused') }))
  expect(await open({ servers, protocol: 'meta' }).get('auth')).toBeUndefined()
})

test.each(['binary', 'meta'] as const)(
  '%s: metrics are what the server counts',
  async (protocol) => {
    const server = await start({ args: ['-m', '32', '-c', '100'] })
    const store = open({ servers: [server.address], protocol })
    await works(store)
    await store.get('not there')
    expect(await store.metrics()).toMatchObject({
      hits: 1,
      // The greeting of a connection is a get of nothing.
      misses: protocol === 'meta' ? 2 : 1,
      evictions: 0,
      entries: 1,
      limitBytes: 32 * 1024 * 1024,
      maxConnections: 100,
      damaged: 0,
    })
    expect((await store.metrics()).usedBytes).toBeGreaterThan(0)
    expect((await store.metrics()).connections).toBeGreaterThan(0)
  },
)
