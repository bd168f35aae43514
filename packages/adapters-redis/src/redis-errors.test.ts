import { inspect } from 'node:util'
import { ClosedError, InvalidOptionError, StoreError } from '@holdfast/core'
import { canarySecret } from '@holdfast/lab/canary'
import { expect, test } from 'vitest'
import type { RedisClient } from './redis-client.ts'
import { storeError, timedOut, withoutConnection } from './redis-errors.ts'

const place = { store: 'redis', operation: 'get' }

/** An error as ioredis makes it of a reply, with the command hanging on it. */
function refusal(message: string): Error {
  const error = Object.assign(new Error(message), {
    command: { name: 'auth', args: ['anna', canarySecret('auth')] },
  })
  error.name = 'ReplyError'
  return error
}

test('what hangs on an error of ioredis is not passed on', () => {
  const error = storeError(refusal(`WRONGPASS invalid for ${canarySecret('auth')}`), place)
  expect(error).toMatchObject({ kind: 'auth', store: 'redis', operation: 'get' })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(canarySecret('auth'))
})

test.each<[string, NodeJS.ErrnoException, string]>([
  ['a refused port', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'unavailable'],
  ['a name nobody knows', Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'unavailable'],
  ['a slow network', Object.assign(new Error('x'), { code: 'ETIMEDOUT' }), 'timeout'],
  ['a bad certificate', Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }), 'auth'],
  ['a closed connection', new Error('Connection is closed.'), 'unavailable'],
  ['no offline queue', new Error("Stream isn't writeable and enableOfflineQueue"), 'unavailable'],
  ['garbage', Object.assign(new Error('x'), { name: 'ParserError' }), 'protocol'],
])('%s has its kind', (_, error, kind) => {
  expect(storeError(error, place)).toMatchObject({ kind })
})

test('a typed error stays what it is, and a closed store stays closed', () => {
  const typed = new StoreError('x', { kind: 'full' })
  expect(storeError(typed, place)).toBe(typed)
  expect(withoutConnection(new ClosedError('x'), place)).toBeInstanceOf(ClosedError)
})

test('a failed connect is told to a call by its own name, with the reason', () => {
  const reason = storeError(new InvalidOptionError('set tls'), { ...place, operation: 'connect' })
  const error = withoutConnection(reason, place)
  expect(error).toMatchObject({ operation: 'get', kind: 'denied', cause: reason })
  expect(error.message).toContain('set tls')
})

test.each([
  "ERR unknown command 'X'",
  'ERR Only HELLO messages are accepted by Sentinel instances.',
])('%s: asks whether it is a Redis at all', (text) => {
  expect(storeError(refusal(text), place).message).toContain('is it a Redis')
})

test('something that is no error is a failure without a quote', () => {
  expect(storeError(canarySecret('auth'), place).message).not.toContain(canarySecret('auth'))
})

test.each<[string, object, boolean]>([
  [
    'a TLS handshake',
    { status: 'connecting', stream: { encrypted: true, connecting: false } },
    true,
  ],
  ['TCP', { status: 'connecting', stream: { encrypted: true, connecting: true } }, false],
  ['a connection in clear', { status: 'connecting', stream: { connecting: false } }, false],
  ['a greeting', { status: 'connect', stream: { encrypted: true, connecting: false } }, false],
  ['a password', { status: 'connecting' }, false],
])('a deadline that runs out over %s says whether TLS may be the reason', (_, client, isTls) => {
  const { message } = timedOut(place, 200, 'connectTimeout', client as RedisClient)
  expect(message.includes('does it speak TLS?')).toBe(isTls)
  expect(message).toMatch(/within 200 ms.*see (tls and )?connectTimeout/i)
})

test('an answer in clear to a TLS handshake is called that', () => {
  const error = Object.assign(new Error('x'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
  const { message, kind } = storeError(error, place) as StoreError
  expect(kind).toBe('auth')
  expect(message).toContain('no TLS (ERR_SSL_WRONG_VERSION_NUMBER); does the server speak it?')
})
