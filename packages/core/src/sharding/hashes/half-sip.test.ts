import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HalfSip } from './half-sip.ts'

// HalfSipHash-1-3 of the bytes 0, 1 … n-1 under the key 00 01 … 07, n from 0: published with Linux (hsiphash).
const published = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
  0x577999b1, 0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04,
  0x8b31d501, 0x2b1cd04b, 0x06712339, 0x522aca67, 0x911bb605, 0x90a65f0e, 0xf826ef7b, 0x62512deb,
]
const bytes = Uint8Array.from({ length: published.length }, (_, i) => i)

it('gives the published answers, for bytes and for text', () => {
  const hash = new HalfSip(0x03020100, 0x07060504)
  const text = String.fromCharCode(...bytes)
  published.forEach((answer, length) => {
    expect(hash.bytes(bytes, 0, length) >>> 0).toBe(answer)
    expect(hash.text(text, 0, length) >>> 0).toBe(answer)
  })
})

it('hashes a text as its UTF-8 bytes', () => {
  const hash = new HalfSip(0xdeadbeef, 0x12345678)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const encoded = new TextEncoder().encode(text)
      expect(hash.text(text, 0, text.length)).toBe(hash.bytes(encoded, 0, encoded.length))
    }),
  )
})

it('gives unrelated hashes under another key', () => {
  const one = new HalfSip(1, 2)
  const other = new HalfSip(1, 3)
  const same = Array.from({ length: 1000 }, (_, i) => `key:${i}`).filter(
    (key) => one.text(key, 0, key.length) >>> 24 === other.text(key, 0, key.length) >>> 24,
  )
  // One in 256 by chance.
  expect(same.length).toBeLessThan(20)
})
