import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyError } from '../errors.ts'
import { argumentsKey } from './argument-key.ts'
import { assertKey } from './assert-key.ts'

const keyOf = (...args: unknown[]) => argumentsKey('user', args)

describe('a short key', () => {
  it.each<[string, unknown[]]>([
    ['user:()', []],
    ['user:42', [42]],
    ['user:-1.5', [-1.5]],
    ['user:ada', ['ada']],
    ['user:ada@example.com', ['ada@example.com']],
    ['user:550e8400-e29b-41d4', ['550e8400-e29b-41d4']],
    ['user:"42"', ['42']],
    ['user:"42n"', ['42n']],
    ['user:42n', [42n]],
    ['user:0', [0]],
    ['user:-0', [-0]],
    ['user:NaN', [Number.NaN]],
    ['user:"NaN"', ['NaN']],
    ['user:true,null,undefined', [true, null, undefined]],
    ['user:"true","null","undefined"', ['true', 'null', 'undefined']],
    ['user:""', ['']],
    ['user:"a b"', ['a b']],
    ['user:a,b', ['a', 'b']],
    ['user:[a,b]', [['a', 'b']]],
    ['user:(page:2,q:tea)', [{ q: 'tea', page: 2 }]],
    ['user:("a b":(c:1))', [{ 'a b': { c: 1 } }]],
    ['user:(:)', [{}]],
    ['user:Date(2026-01-02T00:00:00.000Z)', [new Date(Date.UTC(2026, 0, 2))]],
    ['user:Date(NaN)', [new Date(Number.NaN)]],
    [
      'user:Map(a=>1,(:)=>2)',
      [
        new Map<unknown, unknown>([
          ['a', 1],
          [{}, 2],
        ]),
      ],
    ],
    ['user:Set(1,"1")', [new Set([1, '1'])]],
    ['user:Uint8Array(AQI=)', [new Uint8Array([1, 2])]],
    ['user:Buffer(AQI=)', [Buffer.from([1, 2])]],
    ['user:RegExp("a+",gi,0)', [/a+/gi]],
    ['user:ArrayBuffer(AQ==)', [new Uint8Array([1]).buffer]],
  ])('is readable: %s', (key, args) => {
    expect(argumentsKey('user', args)).toBe(key)
  })

  it('holds its version between name and arguments', () => {
    expect(argumentsKey('user', [42], '2')).toBe('user:@2:42')
    expect(argumentsKey('user', [], 'v 2')).toBe('user:@"v 2":()')
  })

  it('keeps colons of the name bare, and quotes a name that could be taken for more', () => {
    expect(argumentsKey('users:by-id', [42])).toBe('users:by-id:42')
    expect(argumentsKey('a,b', [42])).toBe('"a,b":42')
    expect(argumentsKey('a:@2', [42])).toBe('"a:@2":42')
  })

  it('never holds braces, with which arguments from outside could choose a server', () => {
    for (const args of [['{x}'], [{ '{': '}' }], [/a{1}/], [new Map([['{', '}']])]]) {
      expect(argumentsKey('a{b}', args, '{')).not.toMatch(/[{}]/)
    }
  })
})

describe('a long key', () => {
  it('is 192 bits of a digest, and stays readable to 120 characters', () => {
    expect(keyOf('x'.repeat(120))).toBe(`user:${'x'.repeat(120)}`)
    expect(keyOf('x'.repeat(121))).toMatch(/^user:#[\w-]{32}$/)
    expect(keyOf({ text: 'x'.repeat(100_000) })).toMatch(/^user:#[\w-]{32}$/)
  })

  it('differs for arguments that differ anywhere, and not by the order of properties', () => {
    const long = 'x'.repeat(200)
    expect(keyOf(`${long}a`)).not.toBe(keyOf(`${long}b`))
    expect(keyOf([long])).not.toBe(keyOf(long))
    expect(keyOf({ long, b: 1 })).toBe(keyOf({ b: 1, long }))
  })

  it('cannot be named by a readable argument', () => {
    const digest = keyOf('x'.repeat(200)).slice('user:'.length)
    expect(keyOf(digest)).toBe(`user:"${digest}"`)
  })
})

describe('different calls never share a key', () => {
  it('for the examples of the contract', () => {
    expect(keyOf('1')).not.toBe(keyOf(1))
    expect(keyOf(['a', 'b'])).not.toBe(keyOf('a', 'b'))
    expect(keyOf({ a: 1 })).not.toBe(keyOf('{"a":1}'))
    expect(keyOf({ a: 1 })).not.toBe(keyOf('(a:1)'))
    expect(keyOf({ a: 1, b: { c: 2, d: 3 } })).toBe(keyOf({ b: { d: 3, c: 2 }, a: 1 }))
    expect(keyOf({ a: undefined })).not.toBe(keyOf({}))
    expect(keyOf(undefined)).not.toBe(keyOf())
    expect(keyOf(1, undefined)).not.toBe(keyOf(1))
    expect(keyOf(new Uint8Array([1]))).not.toBe(keyOf(new Int8Array([1])))
    expect(keyOf(new Map())).not.toBe(keyOf(new Set()))
    expect(keyOf(Object.assign([], []))).not.toBe(keyOf({}))
    expect(keyOf('\ud800')).not.toBe(keyOf('\ud801'))
    expect(keyOf(JSON.parse('{"__proto__":1}'))).not.toBe(keyOf({}))
  })

  // Characters chosen to imitate every mark of the grammar.
  const marks = [
    'a',
    '1',
    ',',
    ':',
    '"',
    '{',
    '(',
    ')',
    '[',
    ']',
    '#',
    '@',
    '\\',
    '-',
    'n',
    '.',
    '=',
    '>',
  ]

  it('for every string of up to three tricky characters in every place it can stand', () => {
    const strings = ['', ...marks]
    for (const a of marks) for (const b of marks) strings.push(a + b)
    for (const a of marks) for (const b of marks) for (const c of marks) strings.push(a + b + c)
    const places: ((text: string) => [name: string, args: unknown[], version?: string])[] = [
      (text) => ['u', [text]],
      (text) => ['u', [[text]]],
      (text) => ['u', ['a', text]],
      (text) => ['u', [text, 'a']],
      (text) => ['u', [{ a: text }]],
      (text) => ['u', [{ [text]: 'b' }]],
      (text) => ['u', [{ [text]: 'b', 'b,': 1 }]],
      (text) => ['u', [new Set([text])]],
      (text) => ['u', [new Map([[text, 'z']])]],
      (text) => ['u', [new Map([['z', text]])]],
      (text) => ['u', [1], text],
      (text) => [`w${text}`, [1]],
      (text) => [`v${text}`, []],
      (text) => [`v${text}`, ['a']],
      (text) => [`v${text}`, [1], 'a'],
    ]
    const calls = new Map<string, unknown>()
    for (const place of places) {
      for (const text of strings) {
        const call = place(text)
        const key = argumentsKey(...call)
        const before = calls.get(key)
        // Some calls are reached from two places.
        if (before !== undefined) expect(isDeepStrictEqual(before, call), key).toBe(true)
        calls.set(key, call)
      }
    }
    expect(calls.size).toBeGreaterThan(places.length * strings.length - 10)
  })

  const text = fc.array(fc.constantFrom(...marks), { maxLength: 3 }).map((parts) => parts.join(''))
  const argument = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      text,
      text,
      fc.constantFrom(0, -0, 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21),
      fc.constantFrom(1n, -1n, 0n, true, false, null, undefined),
      fc.constantFrom('1', '1n', 'NaN', 'Infinity', 'true', 'null', 'undefined', '-0', '1e21'),
      fc.constantFrom(0, 1, Number.NaN).map((at) => new Date(at)),
      fc.uint8Array({ maxLength: 2, max: 1 }),
      fc.uint8Array({ maxLength: 2, max: 1 }).map((bytes) => Buffer.from(bytes)),
      fc.int8Array({ maxLength: 2, min: 0, max: 1 }),
      fc.constantFrom(/a/, /a/g, /b/),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(text, tie('any'), { maxKeys: 2 }),
      fc.array(tie('any'), { maxLength: 2 }).map((members) => new Set(members)),
      fc.array(fc.tuple(tie('any'), tie('any')), { maxLength: 2 }).map((pairs) => new Map(pairs)),
    ),
  })).any
  const call = fc.record({
    name: fc.oneof(fc.constantFrom('a', 'a:', 'a:1', 'a:a'), text),
    args: fc.array(argument, { maxLength: 3 }),
    version: fc.option(fc.constantFrom('1', 'a', 'a:1', ''), { nil: undefined }),
  })
  const keyOfCall = ({
    name,
    args,
    version,
  }: {
    name: string
    args: unknown[]
    version: string | undefined
  }) => argumentsKey(name, args, version)

  it('for generated calls: equal keys mean equal calls', () => {
    const seen = new Map<string, unknown>()
    fc.assert(
      fc.property(call, (one) => {
        const key = keyOfCall(one)
        assertKey(key)
        const before = seen.get(key)
        if (before !== undefined) expect(sameCall(before, one)).toBe(true)
        seen.set(key, one)
      }),
      { numRuns: 30_000 },
    )
    expect(seen.size).toBeGreaterThan(5_000)
  })

  it('and equal calls mean equal keys, whatever the order of properties', () => {
    fc.assert(
      fc.property(call, (one) => {
        expect(keyOfCall({ ...one, args: one.args.map(turnedRound) })).toBe(keyOfCall(one))
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Null prototypes do not count: fast-check makes them now and then, and they are plain data like any other. */
function sameCall(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(turnedRound(turnedRound(a)), turnedRound(turnedRound(b)))
}

/** A copy whose objects have their properties in the opposite order. */
function turnedRound(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turnedRound)
  if (value instanceof Map)
    return new Map([...value].map(([k, v]) => [turnedRound(k), turnedRound(v)]))
  if (value instanceof Set) return new Set([...value].map(turnedRound))
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (value instanceof Date || value instanceof RegExp) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, part]) => [name, turnedRound(part)]),
  )
}

describe('arguments without a text of their own', () => {
  class User {
    id = 1
  }
  const loop: unknown[] = []
  loop.push({ loop })
  let deep: unknown = 1
  for (let level = 0; level < 200; level++) deep = [deep]

  it.each<[string, unknown, RegExp]>([
    ['functions', () => 1, /argument 2 is or holds a function/],
    ['symbols', Symbol('s'), /a symbol/],
    ['class instances', new User(), /an object of class User/],
    ['class instances inside', { list: [new User()] }, /an object of class User/],
    ['errors', new Error('x'), /an object of class Error/],
    ['promises', Promise.resolve(), /an object of class Promise/],
    ['urls', new URL('http://localhost/'), /an object of class URL/],
    ['cycles', loop, /an object that holds itself/],
    ['endless nesting', deep, /more than 100 levels deep/],
    ['symbols as names', { [Symbol('s')]: 1 }, /symbols as names/],
    ['hidden properties', Object.defineProperty({}, 'a', { value: 1 }), /hidden properties/],
    ['holes', [1, ...new Array(1)].concat(new Array(1)), /an array with holes/],
    ['arrays with properties', Object.assign([1], { a: 1 }), /properties of its own/],
    ['Maps with properties', Object.assign(new Map(), { a: 1 }), /a Map with properties/],
    ['bytes of a class', new (class Bytes extends Uint8Array {})(2), /an object of class Bytes/],
    ['subclasses', new (class Page extends Array {})(), /an object of class Page/],
    [
      'getters that throw',
      {
        get broken() {
          throw new Error('no luck')
        },
      },
      /an object that threw while it was read/,
    ],
  ])('are refused: %s', (_name, argument, message) => {
    expect(() => keyOf('secret', argument)).toThrow(KeyError)
    expect(() => keyOf('secret', argument)).toThrow(message)
    expect(() => keyOf('secret', argument)).toThrow(/^(?!.*secret).*Give define the option key/s)
  })

  it('take the same object twice for no cycle', () => {
    const shared = { a: 1 }
    expect(keyOf([shared, shared])).toBe('user:[(a:1),(a:1)]')
  })
})
