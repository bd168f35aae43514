import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
} from 'node:tls'
import { InvalidOptionError } from '@holdfast/core'
import { canarySecret } from '@holdfast/lab/canary'
import { type Certificate, makeCertificates } from '@holdfast/lab/certificates'
import { startFaultProxy } from '@holdfast/lab/fault-proxy'
import { type MemcachedServerOptions, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import type { MemjsServerOptions } from '../src/memjs-server.ts'
import { kindOf, openDriver, outcome, soon, textOf } from './open-driver.ts'

const certificates = makeCertificates()
afterAll(() => certificates.remove())
const { ca } = certificates

async function real(options: MemcachedServerOptions) {
  const server = await startMemcached(options)
  onTestFinished(async () => {
    await server.kill()
    await server.stop()
  })
  return server
}

/** A proxy that records what the client sends, whoever is behind it. */
async function recorded(port: number) {
  const proxy = await startFaultProxy({ upstream: { port } })
  onTestFinished(() => proxy.stop())
  proxy.record(true)
  return proxy
}

const secret = canarySecret('plaintext')
const open = (port: number, options: Partial<MemjsServerOptions>) =>
  openDriver(port, {
    connectTimeoutMs: 2_000,
    commandTimeoutMs: 2_000,
    credentials: { username: 'anna', password: secret },
    ...options,
  })

/** Everything that a client could have let slip, in any of its forms. */
function expectNoPlaintext(bytes: Buffer): void {
  const text = bytes.toString('latin1')
  expect(bytes.length).toBeGreaterThan(0)
  for (const told of [secret, 'PLAIN', 'secret-key', 'secret-value'])
    expect(text).not.toContain(told)
  // TLS records alone: handshake, alert or change of cipher, and no application data.
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    expect([20, 21, 22]).toContain(bytes[at])
  }
}

describe('a server with TLS', () => {
  test('is spoken to, by name and by address', async () => {
    const server = await real({ tls: certificates.good })
    for (const host of ['localhost', '127.0.0.1']) {
      const driver = openDriver(server.port, { endpoint: { host, port: server.port }, tls: { ca } })
      await driver.set('a', Buffer.alloc(300_000, 'x'), 0)
      expect((await driver.get('a'))?.bytes.length).toBe(300_000)
    }
  })

  test.each<[string, Certificate & { minVersion?: 0 | 1 | 2 | 3 }, object]>([
    ['whose certificate has expired', certificates.expired, { ca }],
    ['whose certificate is for another host', certificates.wrongHost, { ca }],
    ['that has signed for itself', certificates.selfSigned, {}],
    ['of an authority that nobody knows', certificates.good, {}],
  ])('%s gets no byte of ours', async (_, certificate, tls) => {
    const server = await real({ tls: certificate })
    const proxy = await recorded(server.port)
    const driver = open(proxy.port, { tls })
    const { error } = await outcome(driver.set('secret-key', Buffer.from('secret-value'), 0), 3_000)
    expect(kindOf(error)).toBe('auth')
    expect((error as Error).message).toMatch(/TLS was refused with [A-Z_]+/)
    await soon(50)
    expectHandshakeOnly(proxy.recorded)
  })

  test('that knows TLS 1.1 alone gets no byte of ours', async () => {
    const { port, decrypted } = await oldServer(certificates.good)
    // The server itself is sound: whoever stoops to it gets in.
    await new Promise<void>((resolve, reject) => {
      const options = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0', ca } as const
      const socket = connectTls({ port, host: '127.0.0.1', ...options }, () => {
        socket.destroy()
        resolve()
      })
      socket.once('error', reject)
    })
    const proxy = await recorded(port)
    const driver = open(proxy.port, { tls: { ca } })
    const { error } = await outcome(driver.set('secret-key', Buffer.from('secret-value'), 0), 3_000)
    expect(error).toBeDefined()
    expect((error as Error).message).toContain('TLS failed')
    // Nor by way of a context that would allow it.
    const secureContext = createSecureContext({
      ca,
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const lenient = open(proxy.port, { tls: { secureContext } })
    const refused = await outcome(lenient.set('secret-key', Buffer.from('secret-value'), 0), 3_000)
    expect(kindOf(refused.error)).toBe('auth')
    expect((refused.error as Error).message).toContain('TLS 1.2 is the least')
    expect(decrypted).toEqual([])
    expectNoPlaintext(proxy.recorded)
  })

  test('that speaks in clear where TLS is expected gets no byte of ours', async () => {
    const server = await real({})
    const proxy = await recorded(server.port)
    const driver = open(proxy.port, { tls: { ca }, connectTimeoutMs: 300 })
    const { error } = await outcome(driver.set('secret-key', Buffer.from('secret-value'), 0), 3_000)
    expect(error).toBeDefined()
    expectNoPlaintext(proxy.recorded)
  })

  test('is asked with options that are read again at each connect', async () => {
    const server = await real({ tls: certificates.good })
    const proxy = await recorded(server.port)
    let asked = 0
    const tls = async () => ({
      ca: asked++ === 0 ? readFileSync(certificates.selfSigned.certFile) : ca,
    })
    const driver = openDriver(proxy.port, { tls, commandTimeoutMs: 2_000 })
    expect(kindOf((await outcome(driver.get('a'))).error)).toBe('auth')
    // A refusal is slept over, so that nobody is hammered.
    await soon(1_200)
    await outcome(driver.get('a'))
    await soon(200)
    expect(await driver.get('a')).toBe(undefined)
    expect(asked).toBe(2)
  })
})

/** TLS 1.3 hides what follows its handshake, so the client's Finished and alert look like data: their size tells. */
function expectHandshakeOnly(bytes: Buffer): void {
  const text = bytes.toString('latin1')
  for (const told of [secret, 'PLAIN', 'secret-key', 'secret-value'])
    expect(text).not.toContain(told)
  let hidden = 0
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    if (bytes[at] === 23) hidden += bytes.readUInt16BE(at + 3)
  }
  // A Finished of 32 or 48 bytes with its frame, and an alert of two.
  expect(hidden).toBeLessThanOrEqual(24 + 80 + 24)
}

/** A server of TLS 1.1 (RFC 4346), and what it was told in clear once it had taken the encryption off. */
async function oldServer({ certFile, keyFile }: Certificate) {
  const decrypted: Buffer[] = []
  const server = createTlsServer({
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    // Its ciphers are below what OpenSSL calls secure today.
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  server.on('tlsClientError', () => undefined)
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => decrypted.push(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  return { port, decrypted }
}

test.each([
  ['a certificate that is not checked', { rejectUnauthorized: false }, 'tls.rejectUnauthorized'],
  ['TLS 1.1', { minVersion: 'TLSv1.1' as const }, 'tls.minVersion'],
])('options that ask for %s are refused where they are read', async (_, tls, named) => {
  const server = await real({ tls: certificates.selfSigned })
  const proxy = await recorded(server.port)
  const driver = open(proxy.port, { tls: () => tls })
  const { error } = await outcome(driver.get('a'))
  expect(kindOf(error)).toBe('denied')
  expect((error as Error).message).toContain(named)
  expect((error as Error).cause).toBeInstanceOf(InvalidOptionError)
  expect(proxy.accepted).toBe(0)
})

test('a certificate that is not checked is taken where insecure says so', async () => {
  const server = await real({ tls: certificates.selfSigned })
  const driver = openDriver(server.port, { tls: { rejectUnauthorized: false }, insecure: true })
  expect(await driver.get('a')).toBe(undefined)
})

describe('an address', () => {
  const refuseAddress = (address: string) => {
    throw new InvalidOptionError(`no bytes in clear to ${address}`)
  }

  test('is judged before it is connected to, also when a name has led to it', async () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      const { port } = await real({})
      const proxy = await recorded(port)
      const driver = openDriver(0, { endpoint: { host, port: proxy.port }, refuseAddress })
      const { error } = await outcome(driver.get('a'))
      expect(kindOf(error)).toBe('denied')
      expect((error as Error).message).toMatch(/no bytes in clear to (127\.0\.0\.1|::1)/)
      expect(proxy.accepted).toBe(0)
    }
  })

  test('that a name stands for is looked up again at each connect', async () => {
    const server = await real({})
    const proxy = await recorded(server.port)
    const judged: string[] = []
    const driver = openDriver(0, {
      endpoint: { host: 'localhost', port: proxy.port },
      refuseAddress: (address) => judged.push(address),
    })
    await driver.get('a')
    const once = judged.length
    expect(judged).toContain('127.0.0.1')
    proxy.resetAll()
    await soon(30)
    await driver.get('a')
    expect(judged.length).toBe(2 * once)
  })

  test('is not judged where TLS is spoken', async () => {
    const server = await real({ tls: certificates.good })
    const driver = openDriver(server.port, { tls: { ca }, refuseAddress })
    expect(await driver.get('a')).toBe(undefined)
  })

  test('may be one of IPv6', async () => {
    const server = await real({})
    const bridge = createServer((client) => {
      const behind = connect(server.port, '127.0.0.1')
      client.pipe(behind).pipe(client)
      client.on('error', () => behind.destroy())
      behind.on('error', () => client.destroy())
    })
    await new Promise<void>((resolve) => bridge.listen(0, '::1', resolve))
    onTestFinished(() => void bridge.close())
    const { port } = bridge.address() as { port: number }
    for (const host of ['::1', '[::1]']) {
      const driver = openDriver(0, { endpoint: { host, port } })
      await driver.set('a', Buffer.from('6'), 0)
      expect(textOf(await driver.get('a'))).toBe('6')
    }
  })

  test('may be the path of a unix socket', async () => {
    const server = await real({ unixSocket: true })
    const driver = openDriver(0, { endpoint: { path: server.socketPath! } })
    await driver.set('a', Buffer.from('u'), 0)
    expect(textOf(await driver.get('a'))).toBe('u')
  })
})
