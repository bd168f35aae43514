import { expect, test } from 'vitest'
import {
  changesBetween,
  membersOf,
  readRecord,
  startsWith,
  withChanges,
  writeRecord,
} from './session-record.ts'

const encode = (text: string) => new TextEncoder().encode(text)

test('a record begins with 29 bytes that no other write of it begins with', () => {
  const members = new Map([['a', '1']])
  const one = writeRecord(members)
  const two = writeRecord(members)
  expect(new TextDecoder().decode(one.bytes)).toMatch(/^\{"version":"[0-9a-f]{16}","a":1\}$/)
  expect(one.head).toHaveLength(29)
  expect([startsWith(one.bytes, one.head), startsWith(two.bytes, one.head)]).toEqual([true, false])
  expect(readRecord(one.bytes)).toEqual({ head: one.head, members: { a: 1 } })
  expect(readRecord(writeRecord(new Map()).bytes)?.members).toEqual({})
})

test('a record without such a head is its own head, and a version elsewhere in it is no member', () => {
  for (const text of [
    '{"a":1}',
    '{ "version": "0123456789abcdef", "a": 1 }',
    '{"a":1,"version":"0123456789abcdef"}',
  ]) {
    expect(readRecord(encode(text))).toEqual({ head: encode(text), members: { a: 1 } })
  }
  expect(readRecord(encode('{"version":3}'))?.members).toEqual({ version: 3 })
  expect(readRecord(encode('{"version":"0123456789ABCDEF"}'))?.members).toEqual({
    version: '0123456789ABCDEF',
  })
})

test('bytes that are no UTF-8 are no record', () => {
  expect(readRecord(Uint8Array.of(...encode('{"a":"'), 0xff, ...encode('"}')))).toBeUndefined()
})

test('changes are told by member and made to another state', () => {
  const before = membersOf({ a: 1, b: { c: [1] }, d: 'x', gone: undefined })
  const after = membersOf({ a: 1, b: { c: [1, 2] }, e: null })
  const changes = changesBetween(before, after)
  expect([...changes]).toEqual([
    ['b', '{"c":[1,2]}'],
    ['e', 'null'],
    ['d', undefined],
  ])
  const theirs = membersOf({ a: 2, d: 'y', f: true })
  expect([...withChanges(theirs, changes)]).toEqual([
    ['a', '2'],
    ['f', 'true'],
    ['b', '{"c":[1,2]}'],
    ['e', 'null'],
  ])
})
