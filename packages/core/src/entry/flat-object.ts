import { types } from 'node:util'
import { objectHeapBytes, scalarHeapBytes } from './heap-bytes.ts'
import type { Isolated } from './isolate.ts'

/*
 * Plain objects of primitives, as most rows are. They are on the path of nearly every miss, and need neither a walk
 * nor a record of what was seen: that costs several times as much.
 */

/** The longest object that is worth a try; `sharedHeapBytes` looks at no more than this of a longer one. */
const mostProperties = 10_000

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Estimated heap of a plain object of primitives; `undefined` for everything else. */
export function flatHeapBytes(value: unknown): number | undefined {
  return isPlain(value) ? partsBytes(value, Object.getOwnPropertyNames(value)) : undefined
}

/** `undefined` unless these are all names that the object has, none hidden, and no property is an object. */
function partsBytes(object: Record<string, unknown>, names: readonly string[]): number | undefined {
  if (names.length > mostProperties) return undefined
  let bytes = objectHeapBytes(names)
  let at = 0
  try {
    // A seventh of what Object.values takes. It comes in the order of the names, and shows what others left out.
    for (const name in object) {
      if (name !== names[at++]) return undefined
      const part = object[name]
      const type = typeof part
      if ((type === 'object' && part !== null) || type === 'function' || type === 'symbol')
        return undefined
      bytes += scalarHeapBytes(part)
    }
  } catch {
    return undefined
  }
  return at === names.length ? bytes : undefined
}

/** A plain object of primitives, isolated; `undefined` for everything else. */
export function isolateFlat(source: unknown, freeze: boolean): Isolated | undefined {
  if (!isPlain(source) || Object.getOwnPropertySymbols(source).length > 0) return undefined
  const copy: Record<string, unknown> =
    Object.getPrototypeOf(source) === null ? { __proto__: null, ...source } : { ...source }
  // The parts of the copy, since a getter might give something else the second time.
  const bytes = partsBytes(copy, Object.getOwnPropertyNames(source))
  if (bytes === undefined) return undefined
  return { value: freeze ? Object.freeze(copy) : copy, copyPerHit: !freeze, bytes }
}
