import { describe, expect, it } from 'vitest'
import { KeyError } from '../errors.ts'
import { assertKey } from './assert-key.ts'

describe('a key', () => {
  it.each([
    ['one character', 'a'],
    ['white space and control characters', ' \r\n\0'],
    ['names of Object.prototype', '__proto__'],
    ['a whole surrogate pair', '😀'],
    ['4,096 bytes of one', 'x'.repeat(4_096)],
    ['4,096 bytes of two', 'ж'.repeat(2_048)],
    ['4,095 bytes of three', '語'.repeat(1_365)],
    ['4,096 bytes of four', '😀'.repeat(1_024)],
  ])('may be %s', (_name, key) => {
    expect(() => assertKey(key)).not.toThrow()
  })

  it.each<[string, unknown, RegExp]>([
    ['empty', '', /it was an empty string/],
    ['undefined', undefined, /it was undefined/],
    ['null', null, /it was null/],
    ['a number', 42, /it was of type number/],
    ['a symbol', Symbol('k'), /it was of type symbol/],
    ['an array', ['a'], /it was an array/],
    ['an object', {}, /it was of type object/],
    ['a String object', Object('a'), /it was of type object/],
    ['4,097 bytes of one', 'x'.repeat(4_097), /length 4097 and 4097 bytes/],
    ['4,098 bytes of two', 'ж'.repeat(2_049), /length 2049 and 4098 bytes/],
    ['4,098 bytes of three', '語'.repeat(1_366), /length 1366 and 4098 bytes/],
    ['a lone high surrogate', 'ab\ud800', /half a surrogate pair at position 2/],
    ['a lone low surrogate after a pair', '😀\udc00', /half a surrogate pair at position 2/],
  ])('is refused when it is %s', (_name, key, message) => {
    expect(() => assertKey(key)).toThrow(KeyError)
    expect(() => assertKey(key)).toThrow(message)
    expect(() => assertKey(key)).toThrow(/at most 4096 bytes/)
  })

  it('never stands in the message', () => {
    expect(() => assertKey('secret\ud800')).toThrow(/^(?!.*secret).*$/s)
    expect(() => assertKey('secret'.repeat(1_000))).toThrow(/^(?!.*secret).*$/s)
  })
})
