import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canary } from '../../../../lab/src/canary.ts'
import { CodecError } from '../errors.ts'
import { copyValue, isolate, type ValueMode } from './isolate.ts'

const isolated = <V>(value: V) => isolate(value, 'isolated').value as V

/** Every object that can be reached from a value. */
function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found
  found.add(value)
  if (value instanceof Map)
    for (const pair of value) for (const part of pair) objectsIn(part, found)
  if (value instanceof Set) for (const member of value) objectsIn(member, found)
  if (ArrayBuffer.isView(value)) objectsIn(value.buffer, found)
  else for (const part of Object.values(value)) objectsIn(part, found)
  return found
}

const storable = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(undefined, null, true, false, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, ''),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 20 }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.float64Array({ maxLength: 5 }),
    fc.bigInt64Array({ maxLength: 5 }),
    fc.constantFrom(/a/g, /[\d]+/iu),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.sparseArray(tie('value'), { maxNumElements: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value'), { maxKeys: 6 }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 4 }).map((members) => new Set(members)),
  ),
})).value

describe('isolated values', () => {
  it('are frozen copies all the way down, and need no copy per hit', () => {
    const source = { id: 1, tags: ['a', { deep: [1, 2] }], owner: { name: 'Ada', none: undefined } }
    const { value, copyPerHit } = isolate(source, 'isolated')
    expect(value).toStrictEqual(source)
    expect(copyPerHit).toBe(false)
    for (const part of objectsIn(value)) expect(Object.isFrozen(part)).toBe(true)
    source.owner.name = 'changed'
    source.tags.push('more')
    expect(value).toStrictEqual({
      id: 1,
      tags: ['a', { deep: [1, 2] }],
      owner: { name: 'Ada', none: undefined },
    })
    expect(Object.isFrozen(source)).toBe(false)
  })

  it('are primitives as they are', () => {
    for (const value of ['text', '', 7, -0, Number.NaN, 10n, true, null, undefined]) {
      expect(isolate(value, 'isolated')).toMatchObject({ copyPerHit: false })
      expect(Object.is(isolated(value), value)).toBe(true)
    }
  })

  it.each([
    ['a Date', new Date(5)],
    ['an invalid Date', new Date(Number.NaN)],
    ['a RegExp', /a+/gi],
    ['a Map', new Map([[{ a: 1 }, [1]]])],
    ['a Set', new Set([{ a: 1 }, 'b'])],
    ['a Buffer', Buffer.from('bytes')],
    ['an empty Buffer', Buffer.alloc(0)],
    ['a Uint8Array', new Uint8Array([1, 2])],
    ['a Float64Array with NaN and -0', new Float64Array([Number.NaN, -0, 1.5])],
    ['a BigUint64Array', new BigUint64Array([1n])],
    ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
    ['a DataView', new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)],
  ])(
    'that are or hold %s are private mutable copies, to be copied for each hit',
    (_name, source) => {
      for (const value of [source, { deep: [source] }]) {
        const kept = isolate(value, 'isolated')
        expect(kept.copyPerHit).toBe(true)
        const [first, second] = [copyValue(kept.value), copyValue(kept.value)]
        for (const copy of [kept.value, first, second]) {
          expect(isDeepStrictEqual(copy, value)).toBe(true)
        }
        const all = [value, kept.value, first, second].flatMap((copy) => [...objectsIn(copy)])
        expect(new Set(all).size).toBe(all.length)
        if (!ArrayBuffer.isView(first)) expect(Object.isFrozen(first)).toBe(false)
      }
    },
  )

  it('may be typed arrays of every kind', () => {
    const kinds = Object.getOwnPropertyNames(globalThis).filter((name) =>
      /\dArray$|Clamped/.test(name),
    )
    expect(kinds.length).toBeGreaterThanOrEqual(11)
    for (const kind of kinds) {
      const source = new (Reflect.get(globalThis, kind) as typeof Uint8Array)(3)
      expect(isDeepStrictEqual(isolated(source), source), kind).toBe(true)
    }
  })

  it('keep the place a RegExp stands at', () => {
    const source = /a/g
    source.test('banana')
    expect(copyValue(isolated(source)).lastIndex).toBe(2)
  })

  it('own the memory of their bytes, so that no pool and no larger buffer is pinned', () => {
    const large = new Uint8Array(1_000_000)
    const source = { pooled: Buffer.from('small'), part: large.subarray(10, 20) }
    const kept = isolated(source)
    for (const copy of [kept, copyValue(kept)]) {
      expect(copy.pooled.buffer.byteLength).toBe(5)
      expect(copy.part.buffer.byteLength).toBe(10)
      expect(Buffer.isBuffer(copy.pooled)).toBe(true)
      expect(Buffer.isBuffer(copy.part)).toBe(false)
    }
  })

  it('keep cycles and shared references in their shape', () => {
    const shared = { x: 1 }
    const source: Record<string, unknown> = { a: shared, b: [shared], map: undefined }
    source.self = source
    const frozen = isolated(source)
    expect(frozen).not.toBe(source)
    expect(frozen.self).toBe(frozen)
    expect((frozen.b as unknown[])[0]).toBe(frozen.a)
    for (const part of objectsIn(frozen)) expect(Object.isFrozen(part)).toBe(true)

    source.map = new Map<unknown, unknown>([[source, new Set([source])]])
    const copy = copyValue(isolated(source))
    const map = copy.map as Map<unknown, Set<unknown>>
    expect(copy.self).toBe(copy)
    expect([...map.keys()]).toEqual([copy])
    expect([...map.get(copy)!]).toEqual([copy])
    const loop: unknown[] = []
    loop.push(loop)
    const kept = isolated(loop)
    expect(kept[0] === kept).toBe(true)
  })

  it('keep own __proto__ properties as properties, flat and nested', () => {
    const source = JSON.parse('{"__proto__":{"polluted":true},"a":1}')
    for (const copy of [isolated(source), copyValue(isolated(source))]) {
      expect(Object.keys(copy)).toEqual(['__proto__', 'a'])
      expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
      expect(copy.polluted).toBeUndefined()
      expect(Object.getOwnPropertyDescriptor(copy, '__proto__')?.value).toEqual({ polluted: true })
      expect(Object.getOwnPropertyDescriptor(copy, '__proto__')?.value).not.toBe(
        Object.getOwnPropertyDescriptor(source, '__proto__')?.value,
      )
    }
  })

  it('keep null prototypes, holes, order, and properties that are undefined', () => {
    const bare = Object.assign(Object.create(null), { z: 1, a: { b: 2 }, u: undefined })
    expect(isDeepStrictEqual(isolated(bare), bare)).toBe(true)
    expect(Object.getPrototypeOf(copyValue(isolated(bare)))).toBe(null)
    expect(Object.keys(isolated({ z: 1, a: 2, m: undefined }))).toEqual(['z', 'a', 'm'])
    const holes: unknown[] = [1]
    holes[2] = { a: 1 }
    holes.length = 4
    const kept = isolated(holes)
    expect(kept).toHaveLength(4)
    expect(Object.keys(kept)).toEqual(['0', '2'])
    expect(Object.keys(copyValue(kept))).toEqual(['0', '2'])
  })

  it('that are a few elements in an endless array of holes cost what their elements cost', () => {
    const source: unknown[] = []
    source[4_000_000_000] = { last: true }
    const kept = isolated(source)
    expect(kept.length).toBe(4_000_000_001)
    expect(Object.keys(kept)).toEqual(['4000000000'])
    expect(copyValue(kept)[4_000_000_000]).toEqual({ last: true })
    expect(isolate(source, 'isolated').bytes).toBeLessThan(2_000)
    Object.assign(source, { extra: 1 })
    expect(() => isolated(source)).toThrow(/at \.extra/)
  })

  it('take the value a getter gives', () => {
    let reads = 0
    const source = {
      get now() {
        return ++reads
      },
    }
    expect(isolated(source)).toStrictEqual({ now: 1 })
  })

  it('keep index-like and strange names', () => {
    const source = { 5: 'five', 1: 'one', '': 'empty', constructor: 1, toString: 2, 'a b': 3 }
    expect(isDeepStrictEqual(isolated(source), source)).toBe(true)
  })

  it('equal what went in and share nothing with it, for generated values in every copying mode', () => {
    fc.assert(
      fc.property(storable, fc.constantFrom<ValueMode>('isolated', 'copied'), (source, mode) => {
        const kept = isolate(source, mode)
        const hit = kept.copyPerHit ? copyValue(kept.value) : kept.value
        expect(isDeepStrictEqual(kept.value, source)).toBe(true)
        expect(isDeepStrictEqual(hit, source)).toBe(true)
        const before = objectsIn(source)
        for (const part of objectsIn(kept.value)) {
          expect(before.has(part)).toBe(false)
          if (!kept.copyPerHit) expect(Object.isFrozen(part)).toBe(true)
        }
        if (kept.copyPerHit) {
          const within = objectsIn(kept.value)
          for (const part of objectsIn(hit)) expect(within.has(part)).toBe(false)
        }
        expect(kept.bytes).toBeGreaterThanOrEqual(0)
        expect(Number.isFinite(kept.bytes)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('copied values', () => {
  it('are mutable private copies, copied for each hit', () => {
    const source = { list: [{ a: 1 }] }
    const kept = isolate(source, 'copied')
    expect(kept.copyPerHit).toBe(true)
    expect(kept.value).toStrictEqual(source)
    const hit = copyValue(kept.value) as typeof source
    hit.list[0]!.a = 2
    source.list.pop()
    expect(kept.value).toStrictEqual({ list: [{ a: 1 }] })
  })

  it('are not copied where they are primitives', () => {
    expect(isolate('text', 'copied')).toMatchObject({ value: 'text', copyPerHit: false })
    expect(isolate(null, 'copied')).toMatchObject({ value: null, copyPerHit: false })
  })

  it('are refused like isolated ones', () => {
    expect(() => isolate({ save() {} }, 'copied')).toThrow(CodecError)
  })
})

describe('shared values', () => {
  it('are the reference itself, whatever it is', () => {
    class User {
      name = 'Ada'
    }
    for (const value of [new User(), () => 1, Symbol('s'), new WeakMap(), { f() {} }, new Date()]) {
      expect(isolate(value, 'shared')).toMatchObject({ copyPerHit: false })
      expect(isolate(value, 'shared').value).toBe(value)
    }
  })
})

describe('what cannot be isolated', () => {
  class User {
    name = 'Ada'
    save() {}
  }
  class Page extends Array<number> {}
  class Stamp extends Date {}
  class Bytes extends Uint8Array {}
  const hidden = Object.defineProperty({ a: 1 }, 'secret', { value: 2, enumerable: false })
  const matched = /b/.exec('abc')
  const throwing = {
    get broken() {
      throw new Error('no luck')
    },
  }

  it.each<[string, unknown, RegExp]>([
    ['a function', { user: { save() {} } }, /at \.user\.save, a function/],
    ['a symbol', { list: [1, Symbol('s')] }, /at \.list\[1\], a symbol/],
    [
      'a symbol as a name',
      { user: { [Symbol('s')]: 1 } },
      /at \.user, .*symbol as a property name/,
    ],
    ['a class instance', { users: [new User()] }, /at \.users\[0\], an object of class User/],
    ['a subclass of Array', { page: new Page() }, /at \.page, an object of class Page/],
    ['a subclass of Date', { at: new Stamp() }, /at \.at, an object of class Stamp/],
    ['a subclass of bytes', { at: new Bytes(2) }, /at \.at, an object of class Bytes/],
    ['a Promise', { later: Promise.resolve(1) }, /at \.later, an object of class Promise/],
    ['a WeakMap', { weak: new WeakMap() }, /at \.weak, an object of class WeakMap/],
    ['an Error', { failure: new Error('x') }, /at \.failure, an object of class Error/],
    ['a boxed number', { boxed: Object(1) }, /at \.boxed, an object of class Number/],
    ['a Proxy', { proxy: new Proxy({ a: 1 }, {}) }, /at \.proxy, a Proxy/],
    ['a Proxy of an array', [new Proxy([], {})], /at \[0\], a Proxy/],
    ['arguments', { args: argumentsOf(1, 2) }, /at \.args\.length, a non-enumerable/],
    ['a hidden property', { user: hidden }, /at \.user\.secret, a non-enumerable property/],
    [
      'an array with a property',
      { match: matched },
      /at \.match\.index, a property that does not belong to .* class Array/,
    ],
    [
      'a Map with a property',
      Object.assign(new Map(), { extra: 1 }),
      /at \.extra, a property that does not belong to an object of class Map/,
    ],
    [
      'a Buffer with a property',
      { file: Object.assign(Buffer.from('x'), { extra: 1 }) },
      /at \.file, an object of class Buffer with properties of its own/,
    ],
    ['a getter that throws', { user: throwing }, /at \.user, something that threw/],
    [
      'shared memory',
      { m: new SharedArrayBuffer(8) },
      /at \.m, an object of class SharedArrayBuffer/,
    ],
    [
      'a view of shared memory',
      { m: new Uint8Array(new SharedArrayBuffer(8)) },
      /at \.m, a view of a SharedArrayBuffer/,
    ],
    [
      'a resizable buffer',
      { m: Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) },
      /at \.m, a resizable ArrayBuffer/,
    ],
    ['a function in a Map', new Map([['k', () => 1]]), /at <value 0>, a function/],
    ['a function as a key', new Map([[() => 1, 'v']]), /at <key 0>, a function/],
    ['a function in a Set', { set: new Set([1, () => 1]) }, /at \.set<item 1>, a function/],
    [
      'an object that only looks like a Date',
      Object.create(Date.prototype),
      /it is an object of class/,
    ],
    [
      'an object that only looks like bytes',
      Object.create(Uint8Array.prototype),
      /it is an object/,
    ],
    ['the value itself', new User(), /it is an object of class User/],
    ['a function itself', () => 1, /it is a function/],
    ['a symbol itself', Symbol('s'), /it is a symbol/],
    ['an object of another realm', runInNewContext('({ a: 1 })'), /whose prototype is not/],
  ])('is refused, with the path to it: %s', (_name, value, message) => {
    for (const mode of ['isolated', 'copied'] as const) {
      expect(() => isolate(value, mode)).toThrow(CodecError)
      expect(() => isolate(value, mode)).toThrow(message)
      expect(() => isolate(value, mode)).toThrow(/memory\.values to 'shared'/)
    }
  })

  it('is named without its value', () => {
    const source = { password: canary, nested: { fn: () => canary } }
    expect(() => isolate(source, 'isolated')).toThrow(new RegExp(`^(?!.*${canary}).*$`, 's'))
  })

  it('keeps the error of a getter as the cause', () => {
    try {
      isolate(throwing, 'isolated')
      expect.unreachable()
    } catch (error) {
      expect((error as CodecError).cause).toMatchObject({ message: 'no luck' })
    }
  })

  it('is nesting past 1,000 levels, in objects, arrays and Maps; 1,000 are fine', () => {
    const nest = (levels: number, wrap: (inner: unknown) => unknown) => {
      let value: unknown = {}
      for (let level = 1; level < levels; level++) value = wrap(value)
      return value
    }
    for (const wrap of [
      (inner: unknown) => ({ inner }),
      (inner: unknown) => [inner],
      (inner: unknown) => new Map([['k', inner]]),
    ]) {
      const deep = nest(1_000, wrap)
      expect(isDeepStrictEqual(isolated(deep), deep)).toBe(true)
      expect(() => isolated(nest(1_001, wrap))).toThrow(/more than 1000 levels deep/)
      expect(() => isolated(nest(100_000, wrap))).toThrow(CodecError)
    }
  })

  it('leaves the source as it was', () => {
    const source = { inner: { a: 1 }, list: [{ b: 1 }], save() {} }
    expect(() => isolate(source, 'isolated')).toThrow(CodecError)
    for (const part of objectsIn(source)) expect(Object.isFrozen(part)).toBe(false)
  })
})

function argumentsOf(..._values: number[]): IArguments {
  // biome-ignore lint/complexity/noArguments: an arguments object is the subject
  return arguments
}
