import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunkKey, wireKey } from './memcached-key.ts'

const legal = (key: string) => {
  const bytes = Buffer.from(key, 'latin1')
  return (
    bytes.length >= 1 && bytes.length <= 250 && bytes.every((byte) => byte > 32 && byte !== 127)
  )
}

describe('a legal key is sent as it is', () => {
  test.each([
    'a',
    'user:42',
    '{tag}x',
    'x'.repeat(250),
    '~',
    'ä'.repeat(125),
    '日本',
    '\u{10ffff}',
  ])('%s', (key) => {
    const { key: sent, full } = wireKey(key)
    expect(full).toBeUndefined()
    expect(Buffer.from(sent, 'latin1').toString()).toBe(key)
  })
})

describe('any other is sent as a digest, and goes along in full', () => {
  test.each([
    ['251 bytes', 'x'.repeat(251)],
    ['251 bytes of UTF-8', `x${'ä'.repeat(125)}`],
    ['a space', 'a b'],
    ['NUL', 'a\0b'],
    ['a command', 'a b\r\nset x 0 0 1\r\n1'],
    ['DEL', 'a\x7f'],
    ['a tab', '\t'],
    ['what looks like a digest', wireKey('a b').key],
    ['what looks like a chunk', chunkKey('set', 0)],
    ['nothing', ''],
  ])('%s', (_, key) => {
    const { key: sent, full } = wireKey(key)
    expect(sent).toMatch(/^~hf:h:[\w-]{43}$/)
    expect(Buffer.from(full!).toString()).toBe(key)
  })
})

test('no two keys are sent as the same, and every one is legal', () => {
  const keys = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(keys, keys, (one, two) => {
      const [first, second] = [wireKey(one).key, wireKey(two).key]
      expect(legal(first)).toBe(true)
      expect(first === second).toBe(one === two)
      // What was sent for one key is never what is sent for another.
      const bytes = Buffer.from(first, 'latin1').toString()
      expect(wireKey(bytes).key === first).toBe(bytes === one)
    }),
  )
})
