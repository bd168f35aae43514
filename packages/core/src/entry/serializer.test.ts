import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canary } from '../../../../lab/src/canary.ts'
import { quickestMs } from '../../../../lab/src/quickest-ms.ts'
import { CodecError } from '../errors.ts'
import { maxDepth, maxNodes } from './limits.ts'
import { deserialize, payloadKind, type Serializer, serialize } from './serializer.ts'

function bytesOf(value: unknown, custom?: Serializer): { kind: number; bytes: Buffer } {
  const payload = serialize(value, custom)
  return { kind: payload.kind, bytes: Buffer.from(payload.text ?? payload.bytes) }
}

function roundTrip(value: unknown): unknown {
  const { kind, bytes } = bytesOf(value)
  return deserialize(kind, bytes, undefined)
}

function refusalOf(value: unknown): string {
  try {
    serialize(value, undefined)
  } catch (error) {
    if (error instanceof CodecError) return error.message
    throw error
  }
  throw new Error('was not refused')
}

const withNothing = (properties: object) => Object.assign(Object.create(null) as object, properties)

const anyValue = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnicodeString: true,
  maxDepth: 4,
})
const hasInvalidDate = (value: unknown): boolean => {
  if (value instanceof Date) return Number.isNaN(value.getTime())
  if (value instanceof Map) return [...value].some(hasInvalidDate)
  if (value instanceof Set) return [...value].some(hasInvalidDate)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  return Object.values(value).some(hasInvalidDate)
}

describe('the built-in serializer', () => {
  it('gives back exactly what it was given, for 5,000 generated values', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        // Node 20 finds two invalid dates different; they have a test of their own below.
        fc.pre(value !== undefined && !hasInvalidDate(value))
        return isDeepStrictEqual(roundTrip(value), value)
      }),
      { numRuns: 5_000 },
    )
  })

  it('gives back exactly what it was given, for strings and names that look like its own tags', () => {
    const tagLike = fc.oneof(
      fc.constantFrom(
        '~',
        '~~',
        '~u',
        '~M',
        '~S',
        '~O',
        '~h',
        '~d1',
        '~bu1:1',
        '__proto__',
        'toJSON',
        'constructor',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        tagLike,
        fc.constantFrom(1n, Number.NaN),
        tie('list'),
        tie('object'),
        tie('map'),
      ),
      list: fc.array(tie('tree'), { maxLength: 4 }),
      object: fc.dictionary(tagLike, tie('tree'), { maxKeys: 4 }),
      map: fc
        .array(fc.tuple(tie('tree'), tie('tree')), { maxLength: 3 })
        .map((pairs) => new Map(pairs)),
    }))
    fc.assert(
      fc.property(tree, (value) => isDeepStrictEqual(roundTrip(value), value)),
      { numRuns: 3_000 },
    )
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['an empty string', ''],
    ['text with an unpaired surrogate', 'a\ud800'],
    ['-0', -0],
    ['NaN', [Number.NaN]],
    ['both infinities', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ['bigints of both signs', [0n, -1n, 2n ** 200n, -(2n ** 64n)]],
    ['undefined as property and item', { a: undefined, b: [undefined] }],
    // biome-ignore lint/suspicious/noSparseArray: holes are what is kept
    ['an array with holes', [1, , 3, ,]],
    ['a date before 1970', new Date(-1)],
    ['the last date there is', { at: new Date(8_640_000_000_000_000) }],
    ['a Map with objects as keys', new Map([[{ a: 1 }, new Set([new Date(1)])]])],
    ['an object without a prototype', { inner: withNothing({ ['__proto__']: 1, '~x': 2 }) }],
    ['an own __proto__', JSON.parse('{"__proto__":{"polluted":true},"b":{"__proto__":null}}')],
    ['an own __proto__ beside a date', { ...JSON.parse('{"__proto__":{"x":1}}'), at: new Date(5) }],
    [
      'an own __proto__ that is a date',
      Object.defineProperty({}, '__proto__', { value: new Date(3), enumerable: true }),
    ],
    ['names of built-in methods', { constructor: 1, toString: 2, hasOwnProperty: new Date(1) }],
    ['regular expressions', [/a\/b/giu, /\n[/]/s, /(?:)/, new RegExp('(?<x>y)', `d${'v'}`)]],
    ['an empty Buffer', Buffer.alloc(0)],
    ['a Buffer in an object', { body: Buffer.from('hé') }],
    ['a Uint8Array', new Uint8Array([1, 2, 255])],
    ['a view into larger memory', { part: new Int16Array(new ArrayBuffer(16), 4, 3).fill(-5) }],
    [
      'every typed array',
      [
        new Int8Array([-1]),
        new Uint8ClampedArray([300]),
        new Uint16Array([65535]),
        new Int32Array([-(2 ** 31)]),
        new Uint32Array([2 ** 32 - 1]),
        new Float32Array([1.5, Number.NaN]),
        new Float64Array([-0, Number.NaN, 1e300]),
        new BigInt64Array([-1n]),
        new BigUint64Array([2n ** 64n - 1n]),
      ],
    ],
    [
      'an ArrayBuffer and a DataView',
      [new Uint8Array([1, 2]).buffer, new DataView(new ArrayBuffer(4), 1, 2)],
    ],
    ['frozen data', Object.freeze({ a: Object.freeze([new Date(1)]) })],
  ])('keeps %s', (_name, value) => {
    const back = roundTrip(value)
    expect(isDeepStrictEqual(back, value)).toBe(true)
  })

  it('keeps an invalid date invalid', () => {
    const { at } = roundTrip({ at: new Date(Number.NaN) }) as { at: Date }
    expect(at).toBeInstanceOf(Date)
    expect(at.getTime()).toBeNaN()
  })

  it('writes what JSON keeps exactly as JSON, text as text and bytes as bytes', () => {
    expect(bytesOf({ a: [1, 'x', null, true] })).toEqual({
      kind: payloadKind.json,
      bytes: Buffer.from('{"a":[1,"x",null,true]}'),
    })
    expect(bytesOf('hé')).toEqual({ kind: payloadKind.text, bytes: Buffer.from('hé') })
    expect(bytesOf(new Uint8Array([0, 255]))).toEqual({
      kind: payloadKind.bytes,
      bytes: Buffer.from([0, 255]),
    })
    expect(bytesOf(Buffer.from('x')).kind).toBe(payloadKind.buffer)
  })

  it('never turns bytes into text: a Buffer inside an object costs its own length', () => {
    const body = Buffer.alloc(10_000, 0xff)
    const { kind, bytes } = bytesOf({ type: 'image/png', body })
    expect(kind).toBe(payloadKind.taggedJson)
    expect(bytes.length).toBeLessThan(body.length + 60)
    expect(bytes.includes(body)).toBe(true)
  })

  it('gives bytes in memory of their own, so that no network buffer is shown or kept alive', () => {
    const { kind, bytes } = bytesOf(Buffer.from('secret'))
    const received = Buffer.concat([Buffer.from('of others'), bytes, Buffer.from('of others')])
    const value = deserialize(kind, received.subarray(9, 9 + bytes.length), undefined) as Buffer
    expect(value.buffer.byteLength).toBe(6)
    received.fill(0)
    expect(value.toString()).toBe('secret')
  })

  it('leaves a large Buffer where it is if it fills its memory, and copies it out of much larger memory', () => {
    const large = Buffer.alloc(100_000, 0xff)
    const { kind, bytes } = bytesOf({ body: large })
    const own = Buffer.from(new Uint8Array([...bytes]).buffer)
    const there = deserialize(kind, own, undefined) as { body: Buffer }
    expect(there.body.equals(large)).toBe(true)
    expect(there.body.buffer).toBe(own.buffer)
    const pool = Buffer.concat([bytes, Buffer.alloc(100_000)])
    const copied = deserialize(kind, pool.subarray(0, bytes.length), undefined) as { body: Buffer }
    expect(copied.body.buffer.byteLength).toBe(large.length)
    const bare = bytesOf({ body: new Uint8Array(large) })
    const view = deserialize(bare.kind, Buffer.from(bare.bytes), undefined) as { body: Uint8Array }
    expect(view.body.buffer.byteLength).toBe(large.length)
  })

  it('leaves what it was given as it was', () => {
    const value = { list: [Number.NaN, { at: new Date(1), t: '~x' }], map: new Map([['~a', 1n]]) }
    const before = structuredClone(value)
    serialize(value, undefined)
    expect(isDeepStrictEqual(value, before)).toBe(true)
  })

  class Point {
    x = 1
  }
  class OwnMap extends Map<string, number> {}
  const circular: { self?: unknown; at: Date } = { at: new Date(1) }
  circular.self = { again: [circular] }
  const search = /a/g
  search.lastIndex = 1
  it.each<[string, unknown, RegExp]>([
    ['a function', { user: { save: () => 1 } }, /a function at \.user\.save\./],
    ['a symbol', { list: [1, Symbol('s')] }, /a symbol at \.list\[1\]/],
    ['a class instance', { a: [new Point()] }, /an instance of Point at \.a\[0\]/],
    ['a subclass of a built-in', { m: new OwnMap() }, /an instance of OwnMap at \.m/],
    ['an Error', { e: new TypeError('no') }, /an instance of TypeError at \.e/],
    ['a Promise', { p: Promise.resolve(1) }, /an instance of Promise at \.p/],
    ['a WeakMap', { p: new WeakMap() }, /an instance of WeakMap at \.p/],
    ['a boxed number', { n: Object(3) }, /an instance of Number at \.n/],
    ['a URL', new URL('http://localhost'), /an instance of URL at the value itself/],
    [
      'an impostor of a built-in',
      { d: Object.create(Date.prototype) },
      /an instance of Date at \.d/,
    ],
    ['a circle', circular, /a reference back to something around it at \.self\.again\[0\]/],
    ['a symbol as name', { a: { [Symbol('s')]: 1 } }, /symbols as property names at \.a/],
    [
      'a property that is not enumerable',
      { a: Object.defineProperty({}, 'h', { value: 1 }) },
      /not enumerable at \.a/,
    ],
    [
      'an array with a property',
      { a: Object.assign([1], { extra: 1 }) },
      /an array with properties of its own at \.a/,
    ],
    ['a matched text', 'ab'.match(/a/), /an array with properties of its own/],
    [
      'a date with a property',
      { d: Object.assign(new Date(1), { x: 1 }) },
      /a Date with properties of its own at \.d/,
    ],
    [
      'bytes with a property',
      Object.assign(Buffer.from('a'), { x: 1 }),
      /binary data with properties/,
    ],
    [
      'a map with a property',
      { d: Object.assign(new Map(), { x: 1 }) },
      /a Map with properties of its own at \.d/,
    ],
    ['a search under way', search, /in the middle of a search/],
    ['shared memory', { s: new SharedArrayBuffer(4) }, /an instance of SharedArrayBuffer at \.s/],
    [
      'a view of shared memory',
      { s: new Uint8Array(new SharedArrayBuffer(4)) },
      /memory that threads share at \.s/,
    ],
    [
      'a getter that throws',
      {
        a: {
          get b(): never {
            throw new Error('x')
          },
        },
      },
      /a getter that throws at \.a\.b/,
    ],
    [
      'something in a Map',
      new Map([['a', new Map([[1, () => 1]])]]),
      /a function at <value 0><value 0>/,
    ],
    [
      'something in a Set',
      { set: new Set([1, new Point()]) },
      /an instance of Point at \.set<item 1>/,
    ],
    ['something under an odd name', { 'a b': { '': Symbol('x') } }, /at \["a b"\]\[""\]/],
  ])('refuses %s and says where it is', (_name, value, message) => {
    expect(refusalOf(value)).toMatch(message)
    expect(refusalOf(value)).toMatch(/codec\.serializer/)
  })

  it('names no value in a refusal', () => {
    expect(refusalOf({ password: canary, f: () => canary })).not.toContain(canary)
  })

  it('refuses undefined, which stands for a miss', () => {
    expect(refusalOf(undefined)).toMatch(/stands for a miss/)
  })

  it('writes to exactly the depth that it reads, for plain and for tagged values', () => {
    const nest = (depth: number, leaf: unknown) => {
      let value = leaf
      for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { value }
      return value
    }
    for (const leaf of [1, new Date(1), -0]) {
      const deepest = nest(maxDepth, leaf)
      expect(isDeepStrictEqual(roundTrip(deepest), deepest)).toBe(true)
      expect(refusalOf(nest(maxDepth + 1, leaf))).toMatch(/nesting deeper than 64 levels/)
    }
    let maps: unknown = new Map([[1, 1]])
    for (let i = 1; i < maxDepth; i++) maps = new Map([[1, maps]])
    expect(isDeepStrictEqual(roundTrip(maps), maps)).toBe(true)
    expect(refusalOf(new Set([maps]))).toMatch(/nesting deeper/)
  })

  it('writes exactly as many values as it reads, for plain and for tagged values', () => {
    const most = maxNodes - 1
    for (const full of [
      new Array<number>(most).fill(7),
      new Array<bigint>(most).fill(7n),
      new Set(Array.from({ length: most - 1 }, (_, i) => i)),
      new Map(Array.from({ length: (most - 1) / 2 }, (_, i) => [i, i])),
      withNothing(
        Object.fromEntries(Array.from({ length: (most - 1) / 2 }, (_, i) => [`n${i}`, i])),
      ),
    ]) {
      const size = full instanceof Set || full instanceof Map ? full.size : Object.keys(full).length
      const back = roundTrip(full) as typeof full
      expect(
        back instanceof Set || back instanceof Map ? back.size : Object.keys(back).length,
      ).toBe(size)
      if (Array.isArray(full)) full.push(full[0] as never)
      else if (full instanceof Set) full.add('one more')
      else if (full instanceof Map) full.set('one', 'more')
      else Object.assign(full, { one: 'more' })
      expect(refusalOf(full)).toMatch(/more than 100000 values/)
    }
  })

  it('refuses an array with a length that is all holes before it walks along it', () => {
    const sparse: unknown[] = []
    sparse.length = 4_000_000_000
    const start = performance.now()
    expect(refusalOf({ sparse })).toMatch(/more than 100000 values at \.sparse/)
    expect(performance.now() - start).toBeLessThan(20)
  })

  it('refuses in a moment what is far too large, without writing it first', () => {
    const text = 'x'.repeat(1024 * 1024)
    const body = Buffer.alloc(1024 * 1024)
    for (const value of [
      new Array<string>(400).fill(text),
      new Array<Buffer>(400).fill(body),
      [new Date(1), ...new Array<string>(400).fill(text)],
      text.repeat(400),
    ]) {
      const refuse = () => expect(refusalOf(value)).toMatch(/more than 8388608 bytes at /)
      expect(quickestMs(refuse, 50)).toBeLessThan(50)
    }
  })

  it('refuses shared references that would unfold without end', () => {
    let value: unknown = [new Date(1)]
    for (let i = 0; i < 40; i++) value = [value, value]
    const refuse = () => expect(refusalOf(value)).toMatch(/more than 100000 values/)
    expect(quickestMs(refuse, 500)).toBeLessThan(500)
  })

  it('is not led astray by a toJSON on a shared prototype', () => {
    Object.defineProperty(Object.prototype, 'toJSON', {
      value: () => 'replaced',
      configurable: true,
    })
    try {
      expect(() => serialize({ a: 1 }, undefined)).toThrow(CodecError)
    } finally {
      delete (Object.prototype as { toJSON?: unknown }).toJSON
    }
  })

  it('touches no prototype, whatever the payload says', () => {
    const texts = [
      '{"__proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '["~O","__proto__",{"polluted":1}]',
      '["~M","__proto__",{"__proto__":{"polluted":"~n"}}]',
      '{"__proto__":"~d1","a":{"__proto__":"~n"}}',
    ]
    for (const text of texts) {
      const json = Buffer.from(text)
      deserialize(payloadKind.json, json, undefined)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(json.length)
      deserialize(payloadKind.taggedJson, Buffer.concat([length, json]), undefined)
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
      expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    }
  })

  it('refuses to read tags that it does not write', () => {
    const read = (text: string, attachments = '') => {
      const json = Buffer.from(text)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(json.length)
      return deserialize(
        payloadKind.taggedJson,
        Buffer.concat([length, json, Buffer.from(attachments)]),
        undefined,
      )
    }
    expect(read('"~bu1:2"', 'ab')).toEqual(new Uint8Array([97, 98]))
    for (const bad of [
      '"~"',
      '"~?"',
      '"~i"',
      '"~i12g"',
      '"~i--1"',
      '"~r"',
      '"~rgg/a"',
      '"~ru/("',
      '["~M",1]',
      '["~O",1,2]',
      '["~O","a"]',
      '"~bu1:3"',
      '"~bu1:1"',
      '"~bu1:-1"',
      '"~bu2:1"',
      '"~bnone:2"',
      '"~bu1"',
      '["~bu1:2","~bu1:2"]',
      '1',
      '',
    ]) {
      expect(() => read(bad, 'ab'), bad).toThrow()
    }
  })

  it('throws an error, never crashes, for 10,000 random payloads of every kind', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 3, 4, 5, 6),
        fc.uint8Array({ maxLength: 60 }),
        (kind, bytes) => {
          try {
            deserialize(kind, Buffer.from(bytes), undefined)
          } catch (error) {
            return error instanceof Error
          }
          return true
        },
      ),
      { numRuns: 10_000 },
    )
  })
})

describe('a serializer of your own', () => {
  const own: Serializer = {
    name: 'points',
    serialize: (value) => Buffer.from(`point ${(value as { x: number }).x}`),
    deserialize: (bytes) => ({ x: Number(Buffer.from(bytes).toString().slice(6)) }),
  }

  it('writes and reads every value', () => {
    const { kind, bytes } = bytesOf({ x: 5 }, own)
    expect(kind).toBe(payloadKind.custom)
    expect(deserialize(kind, bytes, own)).toEqual({ x: 5 })
  })

  it('that throws, or returns something else than bytes, is a CodecError that names it', () => {
    const cause = new Error('boom')
    const throwing = {
      ...own,
      serialize: () => {
        throw cause
      },
    }
    expect(() => serialize(1, throwing)).toThrow(
      expect.objectContaining({ cause, message: expect.stringMatching(/'points' threw/) }),
    )
    const wrong = { ...own, serialize: () => 'text' as unknown as Uint8Array }
    expect(() => serialize(1, wrong)).toThrow(/must return a Uint8Array.*it returned string/)
  })
})

it('names with an escape come back as they were, whatever was read before', () => {
  // V8 takes them for another name that it has read in their place: nodejs/node issue 63785.
  JSON.parse('{"h":[],"\\\\":0}')
  for (const value of [
    { h: 1, '"': 2 },
    { h: 1, '"': new Date(5) },
    { h: 1, '\\': { h: 1, '"': [] } },
  ]) {
    const { kind, bytes } = bytesOf(value)
    expect(deserialize(kind, bytes, undefined)).toStrictEqual(value)
  }
})
