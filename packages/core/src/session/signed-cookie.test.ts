import { createSecretKey } from 'node:crypto'
import { beforeEach, expect, test, vi } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { newSessionId } from './session-id.ts'
import { signId, verifiedCookie } from './signed-cookie.ts'

/** What was compared in constant time, both sides. */
const compared: [string, string][] = []

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>()
  return {
    ...crypto,
    timingSafeEqual: (a: Uint8Array, b: Uint8Array) => {
      compared.push([Buffer.from(a).toString(), Buffer.from(b).toString()])
      return crypto.timingSafeEqual(a, b)
    },
  }
})

const ages = ['newest', 'older', 'oldest']
const secrets = ages.map((age) => createSecretKey(Buffer.from(canarySecret(age))))
const id = newSessionId()
const signed = signId(id, secrets[0]!)
const signature = signed.slice(id.length + 1)
const verify = (value: string) => verifiedCookie(`sid=${value}`, 'sid', secrets)

beforeEach(() => {
  compared.length = 0
})

/** The same letter at every place but one, where it is another. */
const wrongAt = (at: number) =>
  `${id}.${signature.slice(0, at)}${signature[at] === 'A' ? 'B' : 'A'}${signature.slice(at + 1)}`

test('however much of a signature is right, all 43 letters are compared with those of every secret', () => {
  for (let at = 0; at < signature.length; at++) {
    compared.length = 0
    const forged = wrongAt(at)
    expect(verify(forged)).toBeUndefined()
    const expected = secrets.map((secret) => [
      forged.slice(id.length + 1),
      signId(id, secret).slice(id.length + 1),
    ])
    expect(compared).toEqual(expected)
  }
})

test('no signature is believed without that comparison', () => {
  expect(verify(signed)).toEqual({ id, isOld: false })
  expect(compared).toEqual([[signature, signature]])
  compared.length = 0
  expect(verify(signId(id, secrets[2]!))).toEqual({ id, isOld: true })
  expect(compared).toHaveLength(3)
})

test('what cannot be a signature is not compared at all', () => {
  for (const value of [id, `${id}.`, `${id}.${signature.slice(1)}`, `${id}.${'+'.repeat(43)}`])
    expect(verify(value)).toBeUndefined()
  expect(compared).toEqual([])
})
