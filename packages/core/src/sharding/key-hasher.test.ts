import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Murmur3 } from './hashes/murmur3.ts'
import { keyHasher } from './key-hasher.ts'

const whole = keyHasher(new Murmur3(), undefined)
const braces = keyHasher(new Murmur3(), '{}')

describe('with a tag of braces', () => {
  it.each([
    ['{user1}:name', 'user1'],
    ['a{b}c', 'b'],
    ['{{a}}', '{a'],
    ['}{a}', 'a'],
    ['a}b{c}d', 'c'],
    ['{a}{b}', 'a'],
    ['{é}x', 'é'],
  ])('hashes of %s only %s', (key, part) => {
    expect(braces.hashed(key)).toBe(part)
    expect(braces.hash(key)).toBe(whole.hash(part))
  })

  it.each(['{}:name', '{}{a}', '{a', 'a}', '}a{', 'plain', 'é', '{'])('hashes all of %s', (key) => {
    expect(braces.hashed(key)).toBe(key)
    expect(braces.hash(key)).toBe(whole.hash(key))
  })

  it('treats a text and its bytes alike', () => {
    const text = fc.string({ unit: fc.constantFrom('{', '}', 'a', 'é', '😀') })
    fc.assert(
      fc.property(text, (key) => {
        expect(braces.hash(new TextEncoder().encode(key))).toBe(braces.hash(key))
      }),
    )
  })

  it('keeps bytes as bytes', () => {
    expect(braces.hashed(Uint8Array.of(0x7b, 0xff, 0x7d))).toEqual(Uint8Array.of(0xff))
  })
})

it('works with the same character at both ends', () => {
  const dollars = keyHasher(new Murmur3(), '$$')
  expect(dollars.hashed('a$b$c')).toBe('b')
  expect(dollars.hashed('$$b$')).toBe('$$b$')
})

it('works with the two bytes of one character', () => {
  const halves = keyHasher(new Murmur3(), 'é')
  const between = Uint8Array.of(0xc3, 0x61, 0xa9)
  expect(halves.hashed(between)).toEqual(Uint8Array.of(0x61))
  expect(halves.hash('é')).toBe(whole.hash('é'))
  // 'Ã' is C3 83, '©' is C2 A9: the tag reaches from the first half of one to the second half of the other.
  expect(halves.hashed('Ã©')).toEqual(Uint8Array.of(0x83, 0xc2))
})

it('gives an empty key the hash 0', () => {
  expect(whole.hash('')).toBe(0)
  expect(whole.hash(new Uint8Array(0))).toBe(0)
  expect(braces.hash('')).toBe(0)
})
