import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyError } from '../errors.ts'
import { apiKey } from './api-key.ts'
import { assertKey } from './assert-key.ts'

describe('apiKey', () => {
  it('keeps one plain string readable', () => {
    expect(apiKey('users', 'profile', 'user-789')).toBe('api:users:profile:user-789')
    expect(apiKey('users', 'profile', 'josé@example.com')).toBe(
      'api:users:profile:josé@example.com',
    )
    expect(apiKey('users', 'profile', '42')).toBe('api:users:profile:42')
  })

  it('writes everything else as 160 bits of a hash, also no params, so that every key has four parts', () => {
    for (const params of [undefined, null, {}, { page: 1 }, 42, ['a'], true, new Date(0), '']) {
      expect(apiKey('products', 'list', params)).toMatch(/^api:products:list:[0-9a-f]{40}$/)
    }
    expect(apiKey('products', 'list')).toBe(apiKey('products', 'list', undefined))
  })

  it.each([
    ['a separator', 'a:b'],
    ['braces, which choose a server', '{a}'],
    ['white space', 'a b'],
    ['a line end', 'a\r\nset x'],
    ['control characters', 'a\0'],
    ['characters that are not seen', 'a\u200b'],
    ['half a surrogate pair', 'a\ud800'],
    ['the shape of a hash', 'a'.repeat(40)],
    ['121 characters', 'x'.repeat(121)],
  ])('hashes a string that has %s', (_name, params) => {
    const key = apiKey('s', 'e', params)
    expect(key).toMatch(/^api:s:e:[0-9a-f]{40}$/)
    expect(key).not.toContain(params)
    assertKey(key)
  })

  it('does not depend on the order of properties', () => {
    expect(apiKey('s', 'e', { a: 1, b: [{ c: 2, d: 3 }] })).toBe(
      apiKey('s', 'e', { b: [{ d: 3, c: 2 }], a: 1 }),
    )
  })

  it('gives different calls different keys', () => {
    const params: unknown[] = [
      undefined,
      null,
      '',
      'null',
      'undefined',
      0,
      -0,
      '0',
      1,
      '1',
      1n,
      [],
      {},
    ]
    params.push(['1'], [1], { a: 1 }, '{"a":1}', { a: '1' }, { a: [1] }, new Map(), new Set(), true)
    params.push(apiKey('s', 'e', { a: 1 }).split(':')[3])
    expect(new Set(params.map((value) => apiKey('s', 'e', value))).size).toBe(params.length)
  })

  it('gives different strings different keys, and no string the key of an object', () => {
    const seen = new Map<string, unknown>()
    const part = fc.constantFrom('a', 'b', 'a-b')
    const params = fc.oneof(fc.string({ unit: 'binary', maxLength: 3 }), fc.json({ maxDepth: 1 }))
    fc.assert(
      fc.property(part, part, params, (service, endpoint, value) => {
        const key = apiKey(service, endpoint, value)
        assertKey(key)
        const call = JSON.stringify([service, endpoint, value])
        expect(seen.get(key) ?? call).toBe(call)
        seen.set(key, call)
      }),
      { numRuns: 5_000 },
    )
  })

  it.each<[string, unknown, RegExp]>([
    ['an empty one', '', /an empty string/],
    ['a separator in it', 'a:b', /holds one at position 1/],
    ['a brace in it', 'a{', /holds one at position 1/],
    ['a space in it', ' a', /holds one at position 0/],
    ['a number', 1, /of type number/],
    ['null', null, /it was null/],
    ['undefined', undefined, /it was undefined/],
  ])('refuses a service and an endpoint that is %s', (_name, part, message) => {
    expect(() => apiKey(part as string, 'e')).toThrow(KeyError)
    expect(() => apiKey(part as string, 'e')).toThrow(/^The service of an apiKey/)
    expect(() => apiKey(part as string, 'e')).toThrow(message)
    expect(() => apiKey('s', part as string)).toThrow(/^The endpoint of an apiKey/)
    expect(() => apiKey('s', part as string)).toThrow(message)
  })

  it('refuses params that are no plain data, without showing them', () => {
    expect(() => apiKey('s', 'e', { secret: () => 1 })).toThrow(KeyError)
    expect(() => apiKey('s', 'e', { secret: () => 1 })).toThrow(/are or hold a function/)
    expect(() => apiKey('s', 'e', { secret: () => 1 })).toThrow(/^(?!.*secret)/s)
  })
})
