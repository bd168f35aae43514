import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { isolate, type ValueMode } from './isolate.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What a kept value really takes: heap, and the memory of buffers outside it. */
function realBytes(make: (at: number) => unknown, mode: ValueMode, estimated: number): number {
  // Two megabytes in all, beside which what the engine allocates for itself is little.
  const count = Math.min(50_000, Math.ceil(2_000_000 / estimated))
  const kept = new Array<unknown>(count).fill(undefined)
  const fill = () => {
    for (let at = 0; at < count; at++) kept[at] = isolate(make(at), mode).value
  }
  const used = () => {
    collect()
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const round = () => {
    kept.fill(undefined)
    const before = used()
    fill()
    return (used() - before) / count
  }
  // The first round is the engine's: what it compiles and learns would be taken for values.
  fill()
  // The middle one of three: beside other work a single round is now and then off in either direction.
  const [, real = Number.NaN] = [round(), round(), round()].sort((a, b) => a - b)
  return kept.includes(undefined) ? Number.NaN : real
}

const text = (length: number, at: number, fill = 'x') =>
  Buffer.from(String(at).padEnd(length, fill)).toString()
const user = (at: number) => ({
  id: at,
  name: text(8, at),
  email: text(20, at),
  active: at % 2 === 0,
  score: at * 1.5,
})
const list = <V>(length: number, make: (at: number) => V) =>
  Array.from({ length }, (_, at) => make(at))
const record = (size: number, at: number, value: (index: number) => unknown) =>
  Object.fromEntries(list(size, (index) => [`property ${index} of ${at}`, value(index)]))

const shapes: [name: string, make: (at: number) => unknown][] = [
  ['a short string', (at) => text(10, at)],
  ['a one-byte string of 2,000', (at) => text(2_000, at)],
  ['a two-byte string of 20', (at) => text(20, at, 'ж')],
  ['a two-byte string of 2,000', (at) => text(2_000, at, 'ж')],
  ['a fraction', (at) => [at + 0.5]],
  ['an object of one property', (at) => ({ at })],
  ['a flat object of five properties', user],
  ['the same from JSON', (at) => JSON.parse(JSON.stringify(user(at)))],
  ['an array of numbers', (at) => list(50, (index) => index + at)],
  ['an array of fractions', (at) => list(50, (index) => index + at + 0.5)],
  ['an array of strings', (at) => list(50, (index) => text(12, index * 1e5 + at))],
  ['an array of twenty objects', (at) => list(20, (index) => user(at + index))],
  [
    'nested objects',
    (at) => ({ user: { ...user(at), address: { city: text(10, at), lines: ['a', 'b'] } } }),
  ],
  ['an object of thirty properties', (at) => ({ ...record(30, 0, () => at) })],
  ['an object with ids for names', (at) => ({ [1e6 + at]: 1, 2000000: 2 })],
  ['a record of 2,000 names', (at) => record(2_000, at, () => 1)],
  ['a Map of three', (at) => new Map(list(3, (index) => [index, at]))],
  ['a Map of a hundred', (at) => new Map(list(100, (index) => [index, index + at]))],
  ['a Set of a hundred', (at) => new Set(list(100, (index) => index + at))],
  ['a Date', (at) => new Date(at)],
  ['a small Buffer', (at) => Buffer.from(text(50, at))],
  ['a Buffer of 4 KiB', (at) => Buffer.alloc(4_096, at)],
  ['a Uint8Array of 1 KiB', (at) => new Uint8Array(1_024).fill(at)],
  ['a Float64Array', (at) => new Float64Array(200).fill(at)],
  ['an ArrayBuffer', () => new ArrayBuffer(1_024)],
]

describe('the estimate of what a kept value takes', () => {
  it.each(shapes)('is at least the real heap and at most about twice it: %s', (_name, make) => {
    const estimated = isolate(make(0), 'isolated').bytes
    const real = realBytes(make, 'isolated', estimated)
    expect(estimated).toBeGreaterThanOrEqual(real * 0.97)
    expect(estimated).toBeLessThanOrEqual(real * 2.1)
  })

  it('costs no slot of an object for primitives, and nothing for null and small integers', () => {
    expect(isolate(null, 'isolated').bytes).toBe(0)
    expect(isolate(7, 'isolated').bytes).toBe(0)
    expect(isolate(2 ** 40, 'isolated').bytes).toBe(16)
    expect(isolate(1n, 'isolated').bytes).toBe(32)
    expect(isolate(1n << 80_000n, 'isolated').bytes).toBeGreaterThan(10_000)
  })

  it('is the same for a shared value and for its copy', () => {
    for (const [, make] of shapes) {
      expect(isolate(make(1), 'shared').bytes).toBe(isolate(make(1), 'copied').bytes)
    }
  })

  it('of a large shared value is taken from its first 10,000 slots', () => {
    for (const value of [
      list(200_000, (at) => `text ${at + 1e6}`),
      list(50_000, user),
      new Map(list(50_000, (at) => [at, text(30, at)])),
      new Set(list(50_000, (at) => text(30, at))),
    ]) {
      const exact = isolate(value, 'copied').bytes
      const estimated = isolate(value, 'shared').bytes
      expect(estimated).toBeGreaterThan(exact * 0.5)
      expect(estimated).toBeLessThan(exact * 2)
    }
  })

  it('of a shared value calls no getter of a class instance and survives one that throws', () => {
    let calls = 0
    const lazy = Object.create(
      { method() {} },
      {
        name: { value: 'x'.repeat(1_000), enumerable: true },
        lazy: { get: () => ++calls, enumerable: true },
      },
    )
    expect(isolate(lazy, 'shared').bytes).toBeGreaterThan(2_000)
    expect(calls).toBe(0)
    const broken = {
      list: [text(1_000, 1)],
      bad: {
        get broken() {
          throw new Error('no luck')
        },
      },
    }
    expect(isolate(broken, 'shared').bytes).toBeGreaterThan(2_000)
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    expect(isolate({ revoked: revoked.proxy }, 'shared').bytes).toBeGreaterThan(0)
  })

  it('of a shared value ends for cycles, for endless nesting and for functions', () => {
    const loop: Record<string, unknown> = { f: () => 1 }
    loop.self = loop
    loop.list = [loop]
    expect(isolate(loop, 'shared').bytes).toBeLessThan(2_000)
    let deep: unknown = null
    for (let level = 0; level < 100_000; level++) deep = { deep }
    expect(isolate(deep, 'shared').bytes).toBeGreaterThan(1_000 * 24)
  })
})
