import fc from 'fast-check'
import { expect, test } from 'vitest'
import { join, type Packed, pack, payloadLimit, unpack } from './chunks.ts'

const limit = 200
let sets = 0
const newSet = () => new Uint8Array(16).fill(++sets)
const bytes = (words: string) => Buffer.from(words)

/** What a reader makes of it, who finds these chunks. */
function readBack(packed: Packed, full: Uint8Array | undefined, chunks = packed.chunks) {
  const unpacked = unpack(packed.bytes, packed.flags, full)
  if (unpacked?.rest === undefined) return unpacked?.start
  const found = new Map(chunks.map((chunk) => [chunk.key, chunk.bytes]))
  return join(
    unpacked,
    unpacked.rest.keys.map((key) => found.get(key)),
  )
}

test('whatever its length and key, a value comes back as it was, in items that fit', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: limit * 5 }),
      fc.option(fc.uint8Array({ minLength: 1, maxLength: 90 }), { nil: undefined }),
      (value, full) => {
        const packed = pack(value, full, limit, newSet)
        expect(packed.bytes.byteLength).toBeLessThanOrEqual(limit)
        for (const chunk of packed.chunks) expect(chunk.bytes.byteLength).toBeLessThanOrEqual(limit)
        expect(Buffer.compare(readBack(packed, full)!, value)).toBe(0)
        // The clear head of a value stays where it is.
        const head = Math.min(17, value.byteLength)
        expect(Buffer.compare(packed.bytes.subarray(0, head), value.subarray(0, head))).toBe(0)
      },
    ),
  )
})

test('a value that fits under a legal key is its item, nothing added', () => {
  const value = new Uint8Array(limit).fill(7)
  expect(pack(value, undefined, limit, newSet)).toEqual({ bytes: value, flags: 0, chunks: [] })
  expect(pack(new Uint8Array(limit + 1), undefined, limit, newSet).chunks).toHaveLength(1)
})

test('bytes that look like a chunked value are a value, where the flags do not say otherwise', () => {
  const { bytes: looks } = pack(new Uint8Array(limit * 3), undefined, limit, newSet)
  expect(unpack(looks, 0, undefined)).toMatchObject({ start: looks, rest: undefined })
  // Flags of other clients, such as those that tell text from numbers.
  expect(unpack(looks, 0xffff, undefined)?.start).toEqual(looks)
})

test('a value of which a part is missing, or is of another length, is not there', () => {
  const packed = pack(new Uint8Array(limit * 4), undefined, limit, newSet)
  for (const index of packed.chunks.keys()) {
    expect(readBack(packed, undefined, packed.chunks.toSpliced(index, 1))).toBeUndefined()
    const short = { key: packed.chunks[index]!.key, bytes: new Uint8Array(3) }
    expect(readBack(packed, undefined, packed.chunks.with(index, short))).toBeUndefined()
  }
})

test('parts of two writes never make one value', () => {
  const first = pack(new Uint8Array(limit * 3).fill(1), undefined, limit, newSet)
  const second = pack(new Uint8Array(limit * 3).fill(2), undefined, limit, newSet)
  expect(readBack(first, undefined, second.chunks)).toBeUndefined()
})

test('a reader with other limits reads what was written under these', () => {
  const value = Uint8Array.from({ length: limit * 3 }, (_, index) => index)
  const packed = pack(value, undefined, limit, newSet)
  expect(readBack(packed, undefined)).toEqual(Buffer.from(value))
})

test('an item under a digest is of the key that stands in it, and of no other', () => {
  const packed = pack(bytes('value'), bytes('a b'), limit, newSet)
  expect(readBack(packed, bytes('a b'))?.toString()).toBe('value')
  expect(readBack(packed, bytes('a c'))).toBeUndefined()
  expect(readBack(packed, bytes('b'))).toBeUndefined()
  expect(readBack(packed, undefined)).toBeUndefined()
  expect(unpack(bytes('somebody else wrote this'), 0, bytes('a b'))).toBeUndefined()
})

test('an item that was cut or altered is not there, whatever it says', () => {
  const chunked = pack(new Uint8Array(limit * 2), bytes('a b'), limit, newSet)
  const keyed = pack(bytes('value'), bytes('a b'), limit, newSet)
  for (const packed of [chunked, keyed]) {
    for (let end = 0; end < packed.bytes.byteLength; end++) {
      const cut = { ...packed, bytes: packed.bytes.subarray(0, end) }
      expect(readBack(cut, bytes('a b'))).toBeUndefined()
    }
  }
  const unkeyed = pack(new Uint8Array(limit * 2), undefined, limit, newSet)
  for (const end of [0, 1, 23]) {
    expect(unpack(unkeyed.bytes.subarray(0, end), unkeyed.flags, undefined)).toBeUndefined()
  }
  const wrong = Buffer.from(unkeyed.bytes)
  for (const length of [0, 1, 0xffff_ffff]) {
    wrong.writeUInt32BE(length, wrong.byteLength - 4)
    expect(readBack({ ...unkeyed, bytes: wrong }, undefined)).toBeUndefined()
  }
})

test('the limit leaves room for the header of an item and the longest key', () => {
  expect(payloadLimit(1_048_576)).toBe(1_048_576 - 512)
})
