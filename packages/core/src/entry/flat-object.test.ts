import { describe, expect, it } from 'vitest'
import { flatHeapBytes, isolateFlat } from './flat-object.ts'
import { PrivateCopy } from './private-copy.ts'

const flat = { id: 1, name: 'Ada', big: 12n, ratio: 0.5, missing: null, nothing: undefined }

const notFlat: [string, () => object][] = [
  ['an object inside', () => ({ inside: {} })],
  ['an array inside', () => ({ inside: [] })],
  ['a function', () => ({ call: () => 1 })],
  ['a symbol', () => ({ tag: Symbol('tag') })],
  [
    'a getter that gives an object',
    () => Object.defineProperty({}, 'made', { get: () => [], enumerable: true }),
  ],
  ['a hidden property', () => Object.defineProperty({}, 'hidden', { value: 1 })],
  ['an array', () => [1]],
  ['a class instance', () => new (class Point {})()],
  ['a Proxy', () => new Proxy({}, {})],
]

describe('a flat object', () => {
  it('is copied as the walk copies it, and weighs the same', () => {
    for (const source of [
      flat,
      {},
      Object.assign(Object.create(null), flat),
      { 10: 'b', 2: 'a' },
    ]) {
      const walk = new PrivateCopy(true, false)
      const copied = isolateFlat(source, false)
      expect(copied?.value).toStrictEqual(walk.value(source))
      expect(copied?.value).not.toBe(source)
      expect(copied?.bytes).toBe(walk.bytes)
      expect(flatHeapBytes(source)).toBe(walk.bytes)
    }
  })

  it('keeps an own property named __proto__ without becoming its child', () => {
    const source = JSON.parse('{"__proto__":"own","id":1}')
    const copied = isolateFlat(source, false)
    expect(Object.keys(copied?.value ?? {})).toEqual(['__proto__', 'id'])
    expect(Object.getPrototypeOf(copied?.value)).toBe(Object.prototype)
  })

  it('is what a getter gave when it was copied', () => {
    let reads = 0
    const source = {
      get made() {
        return reads++ === 0 ? 'once' : {}
      },
    }
    expect(isolateFlat(source, false)?.value).toStrictEqual({ made: 'once' })
  })
})

it.each(notFlat)('%s is left to the walk', (_name, make) => {
  expect(isolateFlat(make(), true)).toBeUndefined()
})

it('a property with a symbol for its name is left to the walk, which refuses it', () => {
  expect(isolateFlat({ [Symbol('tag')]: 1 }, true)).toBeUndefined()
})

it('a property that somebody gave Object.prototype is nobody’s own', () => {
  const everybody = Object.prototype as { polluted?: number }
  everybody.polluted = 1
  try {
    expect(isolateFlat({ id: 1 }, true)).toBeUndefined()
  } finally {
    delete everybody.polluted
  }
})

it('a getter that throws leaves the estimate to the walk', () => {
  const source = {
    get broken() {
      throw new Error('broken')
    },
  }
  expect(flatHeapBytes(source)).toBeUndefined()
})
