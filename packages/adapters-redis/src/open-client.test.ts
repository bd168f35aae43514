import { EventEmitter } from 'node:events'
import { fakeClock } from '@holdfast/core/testing'
import { afterEach, expect, test, vi } from 'vitest'
import { AuthPace } from './auth-pace.ts'
import { ownClientOpener } from './open-client.ts'
import type { RedisClient } from './redis-client.ts'
import type { RedisStoreOptions } from './redis-options.ts'

const lookup = vi.hoisted(() => vi.fn())
vi.mock('node:dns/promises', () => ({ lookup }))
afterEach(() => lookup.mockReset())

class FakeClient extends EventEmitter {
  status = 'ready'
  connect = async () => undefined
  disconnect = () => undefined
  callBuffer = async (): Promise<unknown> => Buffer.from('PONG')
}

function opener(options: RedisStoreOptions, client = new FakeClient()) {
  const clock = fakeClock()
  const seen: { host?: string; password?: string; tls?: object }[] = []
  const open = ownClientOpener({
    options,
    clock,
    store: 'test',
    purpose: 'commands',
    pace: new AuthPace(clock, JSON.stringify([options.host, Math.random()])),
    create(given) {
      seen.push(given)
      return client as unknown as RedisClient
    },
  })
  return { open, clock, seen }
}

test('a name is resolved again at each connect, and the address that was judged is used', async () => {
  lookup
    .mockResolvedValueOnce({ address: '10.0.0.1' })
    .mockResolvedValueOnce({ address: '10.0.0.2' })
  const { open, seen } = opener({ host: 'redis.internal' })
  await open()
  await open()
  expect(seen.map(({ host }) => host)).toEqual(['10.0.0.1', '10.0.0.2'])
})

test('a name that stands for a public address is not spoken to in clear', async () => {
  lookup.mockResolvedValue({ address: '93.184.215.14' })
  const { open, seen } = opener({ host: 'redis.internal' })
  await expect(open()).rejects.toThrow('insecure: true')
  expect(seen).toEqual([])
})

test('with TLS the name itself is used, since the certificate is for it', async () => {
  const { open, seen } = opener({ host: 'redis.example', tls: { ca: 'x' } })
  await open()
  expect(seen[0]).toMatchObject({ host: 'redis.example', tls: { ca: 'x' } })
  expect(lookup).not.toHaveBeenCalled()
})

test('a handshake that never ends is given up after connectTimeout', async () => {
  const client = new FakeClient()
  client.callBuffer = () => new Promise(() => undefined)
  const disconnect = vi.spyOn(client, 'disconnect')
  const { open, clock } = opener({ connectTimeout: 300 }, client)
  const opening = open()
  const rejected = expect(opening).rejects.toMatchObject({
    kind: 'timeout',
    message: expect.stringContaining('connectTimeout'),
  })
  await clock.advance(300)
  await rejected
  expect(disconnect).toHaveBeenCalled()
})

test('a password provider that never answers is given up, too', async () => {
  const { open, clock } = opener({ password: () => new Promise(() => undefined) })
  const rejected = expect(open()).rejects.toMatchObject({ kind: 'auth' })
  await clock.advance(10_000)
  await rejected
})

test('what fails says where: a name that nobody knows, a server that is not there, one that is no Redis', async () => {
  lookup.mockRejectedValue(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }))
  await expect(opener({ host: 'redsi.internal', port: 6380 }).open()).rejects.toThrow(
    "connect on the store 'test' (redsi.internal:6380) failed: ENOTFOUND",
  )
  const refusing = (error: Error) => {
    const client = new FakeClient()
    client.connect = () => Promise.reject(error)
    return client
  }
  const refused = refusing(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  await expect(opener({ host: '::1' }, refused).open()).rejects.toThrow(
    '([::1]:6379) failed: ECONNREFUSED',
  )
  const foreign = refusing(new Error('Protocol error, got "E" as reply type byte'))
  await expect(opener({ path: '/run/redis.sock' }, foreign).open()).rejects.toThrow(
    '(/run/redis.sock) failed: what came is no reply of Redis; is it one?',
  )
})
