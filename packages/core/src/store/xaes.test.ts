import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { nonceBytes, tagBytes, Xaes } from './xaes.ts'

const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX')
const plain = Buffer.from('XAES-256-GCM')

function sealed(secret: Uint8Array, at: Uint8Array, aad: string, bytes: Uint8Array): Buffer {
  const target = Buffer.alloc(bytes.byteLength + tagBytes)
  expect(new Xaes(secret).seal(at, Buffer.from(aad), bytes, target, 0)).toBe(target.length)
  return target
}

// The two vectors of the specification, one for each value of the subkey's top bit.
test.each([
  [1, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
  [3, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
])('secret %i and aad "%s" seal as the specification has it', (byte, aad, expected) => {
  const secret = Buffer.alloc(32, byte)
  expect(sealed(secret, nonce, aad, plain).toString('hex')).toBe(expected)
  const opened = new Xaes(secret).open(nonce, Buffer.from(aad), Buffer.from(expected, 'hex'))
  expect(opened?.equals(plain)).toBe(true)
})

test('a flipped bit of nonce, associated data, ciphertext or tag opens nothing', () => {
  const secret = createHash('sha256').update('a secret').digest()
  const cipher = new Xaes(secret)
  const parts = [nonce, Buffer.from('aad'), sealed(secret, nonce, 'aad', plain)] as const
  expect(cipher.open(...parts)?.equals(plain)).toBe(true)
  for (const [index, part] of parts.entries()) {
    for (let bit = 0; bit < part.length * 8; bit++) {
      const flipped = Buffer.from(part)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const changed = parts.map((each, at) => (at === index ? flipped : each))
      expect(cipher.open(...(changed as [Buffer, Buffer, Buffer]))).toBeUndefined()
    }
  }
  expect(cipher.open(nonce, Buffer.from('aad'), Buffer.alloc(tagBytes - 1))).toBeUndefined()
  expect(nonceBytes).toBe(nonce.length)
})
