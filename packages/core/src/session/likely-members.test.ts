import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { likelyMembers } from './likely-members.ts'
import { type Members, membersOf, readRecord, writeRecord } from './session-record.ts'

const parsed = (bytes: Uint8Array) => membersOf(readRecord(bytes)?.members ?? {})
const sorted = (members: Members) => [...members].sort(([a], [b]) => (a < b ? -1 : 1))
const bytesOf = (text: string) => new TextEncoder().encode(text)
const head = '{"version":"0123456789abcdef"'

const name = fc.oneof(
  fc.constantFrom(
    'cookie',
    'user',
    'a',
    'b',
    'version',
    '__proto__',
    'constructor',
    '1',
    '10',
    '"',
    '\\',
    '',
    ',"a":',
  ),
  fc.string(),
)
const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    1,
    12,
    1.5,
    '',
    '"',
    '\\"',
    '}',
    ',"b":1',
    [],
    {},
    [[]],
    '\u2028',
    '\ud800',
    null,
  ),
)
const session = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((entries) => {
  const members: Record<string, unknown> = {}
  for (const [key, each] of entries)
    Object.defineProperty(members, key, {
      value: each,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  return members
})

describe('members that are told from what they likely are', () => {
  test('are those that parsing finds, or nothing is told, whatever a request has changed', () => {
    let told = 0
    fc.assert(
      fc.property(session, session, fc.boolean(), (before, other, isRelated) => {
        const { bytes } = writeRecord(membersOf(before))
        const likely = membersOf(isRelated ? { ...before, ...other } : other)
        const members = likelyMembers(bytes, likely)
        if (members === undefined) return
        told++
        expect(sorted(members)).toEqual(sorted(parsed(bytes)))
      }),
      { numRuns: 20_000, seed: 7 },
    )
    expect(told).toBeGreaterThan(5_000)
  })

  test('are told where some are new and some have another value', () => {
    const { bytes } = writeRecord(
      membersOf({ cookie: { at: 1 }, views: 1, cart: ['a', '"]}'], last: 'x' }),
    )
    const likely = membersOf({
      cookie: { at: 2 },
      views: 12,
      cart: ['a', '"]}', 'b'],
      last: 'x',
      role: 'admin',
    })
    expect(likelyMembers(bytes, likely)).toEqual(parsed(bytes))
  })

  test.each([
    ['is gone', `${head},"a":1,"b":2}`, { b: 2 }],
    ['stands in another order', `${head},"b":2,"a":1}`, { a: 1, b: 2 }],
    ['was added by somebody else', `${head},"a":1,"b":2}`, { a: 1 }],
    ['stands there twice', `${head},"a":1,"a":2}`, { a: 1 }],
    ['has spaces around it', `${head}, "a": 1}`, { a: 1 }],
  ])('are not told where one %s', (_, text, likely) => {
    expect(parsed(bytesOf(text)).size).toBeGreaterThan(0)
    expect(likelyMembers(bytesOf(text), membersOf(likely))).toBeUndefined()
  })

  test.each([
    ['without a head', '{"a":1}', { a: 1 }],
    ['with a version of another kind', '{"version":"1","a":1}', { a: 1 }],
  ])('are not told of a record %s', (_, text, likely) => {
    expect(likelyMembers(bytesOf(text), membersOf(likely))).toBeUndefined()
  })

  test('are written as JSON.stringify writes them, as another service may have written them otherwise', () => {
    const bytes = bytesOf(`${head},"a":1.0,"b":{ "2": 1, "1": [ ] },"c":"\\u0061"}`)
    const likely = membersOf({ a: 2, b: {}, c: 'a' })
    expect(likelyMembers(bytes, likely)).toEqual(parsed(bytes))
    expect(parsed(bytes).get('b')).toBe('{"1":[],"2":1}')
  })
})
