import { createHash, createHmac, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { canary, canaryKey, canarySecret } from '../src/canary.ts'
import { describeLeak, leaksIn, scanForLeaks } from '../src/leak-scan.ts'

const secret = canarySecret('leaks')
const key = canaryKey('leaks')
const formsOf = (text: string) => leaksIn('out', text).map(({ form }) => form)
/** As a message would hold it, after 0 to 2 other bytes: base64 shifts with them. */
const shifted = (encoding: BufferEncoding) =>
  ['', 'a', 'ab'].map((before): [string, string] => [
    `${encoding} after ${before.length} bytes`,
    Buffer.from(before + secret).toString(encoding),
  ])
const percent = (text: string) => text.replace(/./g, (letter) => `%${hexOf(letter)}`)
const hexOf = (letter: string) => letter.charCodeAt(0).toString(16)

describe('a planted secret is found', () => {
  test.each<[string, string]>([
    ['as it is', `AUTH ${secret} was refused`],
    ['in upper case', secret.toUpperCase()],
    ['inside an address', `redis://user:${secret}@host`],
    ['percent-encoded', percent(secret)],
    [
      'percent-encoded in part and twice',
      `${canary.slice(0, 3)}%25${hexOf(canary[3]!)}${canary.slice(4)}`,
    ],
    ['in escapes of JavaScript', secret.replace(/./g, (letter) => `\\u00${hexOf(letter)}`)],
    ['in entities of HTML', secret.replace(/./g, (letter) => `&#${letter.charCodeAt(0)};`)],
    ...shifted('base64'),
    ...shifted('base64url'),
    ['as a login of HTTP', Buffer.from(`anna:${secret}`).toString('base64')],
    ...shifted('hex'),
    ['in hex of upper case', key.toString('hex').toUpperCase()],
    ['as an inspected Buffer', inspect(key)],
    ['as an inspected Uint8Array', inspect(new Uint8Array(key))],
    [
      'as an inspected Uint8Array in a report of JSON',
      JSON.stringify(inspect(new Uint8Array(key))),
    ],
    ['as an indented Uint8Array', JSON.stringify({ a: { b: [...key] } }, null, 4)],
    ['as a Buffer in JSON', JSON.stringify({ key })],
    ['as a Uint8Array in JSON', JSON.stringify(new Uint8Array(key))],
    [
      'in colours that part it',
      `\u001b[31m${secret.slice(0, 5)}\u001b[7m${secret.slice(5)}\u001b[0m`,
    ],
  ])('%s', (_, text) => {
    expect(formsOf(`first line\n... ${text} ...\nlast line`)).not.toEqual([])
    expect(formsOf(text)).not.toEqual([])
  })

  test('wherever the output is cut into pieces', () => {
    const text = Buffer.from(`ä one\n two ${inspect(new Uint8Array(key))}\n ${secret}\nthree ü`)
    for (let at = 0; at <= text.length; at++) {
      const lines: number[] = []
      const scan = scanForLeaks('out', ({ line }) => lines.push(line))
      scan.write(text.subarray(0, at))
      scan.write(text.subarray(at))
      scan.end()
      expect(lines.sort()).toEqual([3, 8])
    }
  })

  test('at its line, however much came before it', () => {
    const lines: number[] = []
    const scan = scanForLeaks('out', ({ line }) => lines.push(line))
    for (let at = 1; at <= 5_000; at++) scan.write(at % 1_000 ? `line ${at}\n` : `${secret}\n`)
    scan.end()
    expect(lines).toEqual([1_000, 2_000, 3_000, 4_000, 5_000])
  })

  test('on a line without an end', () => {
    const text = `${'x'.repeat(99_995)}${secret}${'x'.repeat(300_000)}${secret}`
    expect(leaksIn('out', text)).toHaveLength(2)
    const found: string[] = []
    const scan = scanForLeaks('out', ({ form }) => found.push(form))
    for (let at = 0; at < text.length; at += 7_001) scan.write(text.slice(at, at + 7_001))
    scan.end()
    expect(found).toEqual(['text', 'text'])
  })
})

describe('a session', () => {
  // Drawn from a seed: an id in 1,500 has no digit, and would not be taken for one.
  const drawn = Array.from({ length: 100 }, (_, seed) => {
    const id = createHash('sha256').update(`id ${seed}`).digest('base64url')
    return { id, hmac: createHmac('sha256', 'x').update(id).digest() }
  })

  test('is found by its cookie', () => {
    for (const { id, hmac } of drawn) {
      const cookie = `__Host-session=${id}.${hmac.toString('base64url')}; Path=/; HttpOnly`
      expect(formsOf(cookie)).toEqual(['session cookie'])
    }
  })

  test('is found by the cookie of express-session, as it is and encoded', () => {
    for (const { id, hmac } of drawn) {
      const value = `s:${id.slice(0, 32)}.${hmac.toString('base64').replace('=', '')}`
      for (const cookie of [`connect.sid=${value}`, `connect.sid=${encodeURIComponent(value)}`])
        expect(formsOf(cookie)).toContain('express-session cookie')
    }
  })

  test('is found by its id alone', () => {
    for (const { id } of drawn) expect(formsOf(`session:${id}`)).toEqual(['session id'])
  })
})

test('a private key is found by its first line', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  expect(formsOf(`tls: ${inspect({ key: pem })}`)).toEqual(['private key'])
  expect(formsOf(JSON.stringify({ key: pem }))).toEqual(['private key'])
})

test('what a run prints anyway is no secret', () => {
  const sha = createHash('sha256').update('y')
  for (const text of [
    ' ✓ packages/adapters-redis/test/invalidation-between-processes.test.ts (12 tests) 4012ms',
    'a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t-u-v',
    'no-secret-has-a-canary-in-its-name-or-does-it',
    sha.copy().digest('hex'),
    `sha512-${sha.copy().digest('base64')}${sha.digest('base64')}`,
    'canary-test.ts canary 7q2',
  ])
    expect(formsOf(text)).toEqual([])
})

test('what is told of a leak shows what stands around it, and nothing of the secret or of another beside it', () => {
  const text = `one\nthe login anna:${secret} of ${key.toString('hex')} was refused, ${key.toString('base64')}\nend`
  const told = leaksIn('stderr', text).map(describeLeak)
  expect(told).toHaveLength(3)
  expect(told[0]).toBe(
    'stderr:2: a secret of the tests, as text: the login anna:[secret] of [secret] was refused, [secret]',
  )
  for (const line of told) expect(leaksIn('told', line)).toEqual([])
})

test('secrets of different names differ, and keys have 32 bytes', () => {
  expect(canarySecret('a')).not.toBe(canarySecret('b'))
  expect(canarySecret('a').length).toBeGreaterThanOrEqual(40)
  expect(canaryKey('a')).toHaveLength(32)
  expect(() => canaryKey('a name that is too long')).toThrow('at most 16')
})
