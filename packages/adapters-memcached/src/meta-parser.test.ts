import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolFault } from './connection-errors.ts'
import { MetaParser, type MetaReply } from './meta-parser.ts'

interface Told extends Omit<MetaReply, 'bytes' | 'cas' | 'line' | 'keyFrom' | 'keyEnd'> {
  readonly bytes: string
  readonly cas: string
  readonly key: string
}

/** What is told of these bytes, cut into parts of these lengths. */
function replies(
  bytes: Buffer | string,
  cuts: readonly number[] = [],
  begun: string[] = [],
): Told[] {
  const all = Buffer.from(bytes)
  const told: Told[] = []
  const parser = new MetaParser(
    ({ line, keyFrom, keyEnd, ...reply }) => {
      const key = line.toString('latin1', keyFrom, keyEnd)
      if (reply.kind === 'begun') {
        begun.push(key)
        return
      }
      told.push({
        ...reply,
        key,
        bytes: Buffer.from(reply.bytes).toString('latin1'),
        cas: `${reply.cas}`,
      })
    },
    16 * 1024 * 1024,
  )
  let at = 0
  for (const cut of cuts) {
    if (at >= all.length) break
    parser.push(all.subarray(at, at + cut))
    at += cut
  }
  if (at < all.length) parser.push(all.subarray(at))
  return told
}

const stream = [
  'VA 3 f5 c12 O14\r\nabc\r\n',
  'EN O15\r\n',
  'EN\r\n',
  'HD c9 O16\r\n',
  'HD \r\n',
  'NS O17\r\nEX O18\r\nNF O19\r\nMN\r\n',
  'VA 0 f0 O20\r\n\r\n',
  'VA 11 O21\r\nVA 3\r\nabc\r\n\r\n',
  'SERVER_ERROR object too large for cache\r\n',
  'STAT bytes 12\r\nEND\r\n',
  'VALUE some:key 5 3 12\r\nabc\r\nVALUE k 0 0 13\r\n\r\nEND\r\n',
  'VALUES\r\n',
  `VA 300 kname W O22\r\n${'x'.repeat(300)}\r\n`,
].join('')

test('every reply is told with what it says', () => {
  expect(replies(stream)).toMatchObject([
    { kind: 'VA', flags: 5, cas: '12', opaque: 14, bytes: 'abc' },
    { kind: 'EN', opaque: 15 },
    { kind: 'EN', opaque: -1 },
    { kind: 'HD', opaque: 16, cas: '9' },
    { kind: 'HD', opaque: -1 },
    { kind: 'NS', opaque: 17 },
    { kind: 'EX', opaque: 18 },
    { kind: 'NF', opaque: 19 },
    { kind: 'MN', opaque: -1 },
    { kind: 'VA', flags: 0, opaque: 20, bytes: '' },
    { kind: 'VA', flags: 0, opaque: 21, bytes: 'VA 3\r\nabc\r\n' },
    { kind: 'line', opaque: -1, text: 'SERVER_ERROR object too large for cache' },
    { kind: 'line', text: 'STAT bytes 12' },
    { kind: 'line', text: 'END' },
    { kind: 'VALUE', key: 'some:key', flags: 5, cas: '12', opaque: -1, bytes: 'abc' },
    { kind: 'VALUE', key: 'k', flags: 0, cas: '13', bytes: '' },
    { kind: 'line', text: 'END' },
    { kind: 'line', text: 'VALUES' },
    { kind: 'VA', opaque: 22, bytes: 'x'.repeat(300) },
  ])
})

test('wherever the bytes are cut, the same is told', () => {
  const whole = replies(stream)
  expect(replies(stream, Array(stream.length).fill(1))).toEqual(whole)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 120 })), (cuts) => {
      expect(replies(stream, cuts)).toEqual(whole)
    }),
  )
})

test('of a named value that has not all come its key is told in advance, once', () => {
  const begun: string[] = []
  const text = 'VALUE some:key 0 3 12\r\nabc\r\nEND\r\n'
  const cuts = [text.indexOf('abc') + 1, 1, 1, 1]
  expect(replies(text, cuts, begun)).toMatchObject([
    { kind: 'VALUE', key: 'some:key', bytes: 'abc' },
    { kind: 'line', text: 'END' },
  ])
  expect(begun).toEqual(['some:key'])
})

test('any bytes are a value, also a line end at its end and a cut in its middle', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.integer({ min: 1, max: 420 }),
      (value, cut) => {
        const bytes = Buffer.concat([
          Buffer.from(`VA ${value.length} O1\r\n`),
          value,
          Buffer.from('\r\nEN O2\r\n'),
        ])
        expect(replies(bytes, [cut])).toMatchObject([
          { kind: 'VA', bytes: Buffer.from(value).toString('latin1') },
          { kind: 'EN', opaque: 2 },
        ])
      },
    ),
  )
})

test('a cas of 64 bits is exact', () => {
  expect(replies('HD c18446744073709551615\r\n')[0]?.cas).toBe('18446744073709551615')
})

describe('what no server would send is refused, and not waited for', () => {
  test.each([
    ['bytes of the binary protocol', Buffer.from([0x81, 0, 10])],
    ['a value that is longer than it said', 'VA 1 O1\r\nabc\r\n'],
    ['a value without a length', 'VA  O1\r\n\r\n'],
    ['a length in letters', 'VA x O1\r\n\r\n'],
    ['an opaque in letters', 'HD Oxyz\r\n'],
    ['a named value without a length', 'VALUE k 0\r\n\r\n'],
    ['a named value longer than it said', 'VALUE k 0 1 1\r\nabc\r\n'],
    ['a named value beyond the limit', 'VALUE k 0 16777217 1\r\n'],
    ['flags in letters', 'VALUE k x 1 1\r\na\r\n'],
    ['a length beyond all values', 'VA 99999999999 O1\r\n'],
    ['a length beyond the limit', 'VA 16777217 O1\r\n'],
    ['a line without its carriage return', 'HD O1\n'],
    ['an empty line', '\r\n'],
    ['a line that does not end', 'S'.repeat(20_000)],
  ])('%s', (_, bytes) => {
    const line = Buffer.isBuffer(bytes) ? Buffer.concat([bytes, Buffer.from('\r\n')]) : bytes
    expect(() => replies(line)).toThrow(ProtocolFault)
  })
})

test('10 MB in small pieces are copied once', () => {
  const size = 10 * 1024 * 1024
  let got = 0
  const parser = new MetaParser(({ bytes }) => {
    got = bytes.byteLength
  }, size)
  parser.push(Buffer.from(`VA ${size} O1\r\n`))
  const piece = Buffer.alloc(1_024)
  const startedAt = performance.now()
  for (let at = 0; at < size; at += piece.length) parser.push(piece)
  parser.push(Buffer.from('\r\n'))
  expect(got).toBe(size)
  // Joined anew with each piece it would be 50 GB.
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})
