import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { adopt } from './adopt.ts'
import { isolate } from './isolate.ts'

const values = [
  1,
  'text',
  null,
  [1, [2, { a: 3 }]],
  { a: 1, b: { c: [true, null, 'x'] } },
  { at: new Date(0), of: new Map([[{ k: 1 }, new Set([1, [2]])]]) },
  Buffer.from('bytes'),
  [new Uint16Array([1, 2])],
]

describe('a value that was just read from bytes', () => {
  it.each(values)('is kept as isolate would keep it: %j', (value) => {
    const read = structuredCloneOf(value)
    const adopted = adopt(read, 'isolated')
    const isolated = isolate(value, 'isolated')
    expect(isDeepStrictEqual(adopted.value, isolated.value)).toBe(true)
    expect(adopted.copyPerHit).toBe(isolated.copyPerHit)
    expect(adopted.bytes).toBe(isolated.bytes)
    expect(adopted.value).toBe(read)
  })

  it('is frozen to its last part, and only where it may be handed out as it is', () => {
    const { value } = adopt({ a: [{ b: 1 }] }, 'isolated') as { value: { a: { b: number }[] } }
    expect([value, value.a, value.a[0]].every(Object.isFrozen)).toBe(true)
    const copied = adopt({ a: [1] }, 'copied')
    expect(copied.copyPerHit).toBe(true)
    expect(Object.isFrozen(copied.value)).toBe(false)
    const shared = adopt({ a: [1] }, 'shared')
    expect(shared).toMatchObject({ copyPerHit: false, value: { a: [1] } })
    expect(Object.isFrozen(shared.value)).toBe(false)
  })
})

/** Fresh, as a decoder makes it: `structuredClone` would turn a Buffer into a plain Uint8Array. */
function structuredCloneOf(value: unknown): unknown {
  return Buffer.isBuffer(value) ? Buffer.from(value) : structuredClone(value)
}
