import { types } from 'node:util'
import { flatHeapBytes } from './flat-object.ts'
import {
  arrayHeapBytes,
  builtInHeapBytes,
  objectHeapBytes,
  scalarHeapBytes,
  smallObjectHeapBytes,
} from './heap-bytes.ts'

const mostSlots = 10_000
const deepest = 1_000

/**
 * Estimated heap, in bytes, of a value that is kept as it is, so that nothing limits its shape. At most 10,000 slots
 * are looked at, depth first: what a container still holds by then is taken to be as heavy as what was seen of it.
 * Levels past 1,000 are not looked at. Plain objects are read as they are; getters of other objects are not called,
 * and what a Proxy hides or a closure holds is not counted.
 */
export function sharedHeapBytes(value: unknown): number {
  const flat = flatHeapBytes(value)
  if (flat !== undefined) return flat
  const seen = new Set<object>()
  let slots = 0
  let depth = 0
  return Math.ceil(slotBytes(value))

  /** What a slot refers to; 0 for an object that was counted already. */
  function slotBytes(value: unknown): number {
    slots++
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
      return scalarHeapBytes(value)
    if (seen.has(value)) return 0
    seen.add(value)
    if (depth === deepest || types.isProxy(value)) return smallObjectHeapBytes
    depth++
    try {
      return objectBytes(value)
    } catch {
      // A getter that throws hides its own object from the estimate, and nothing more.
      return smallObjectHeapBytes
    } finally {
      depth--
    }
  }

  function objectBytes(object: object): number {
    if (Array.isArray(object)) return arrayHeapBytes(object.length) + sample(object, object.length)
    if (types.isMap(object)) {
      const pairBytes = ([key, value]: [unknown, unknown]) => slotBytes(key) + slotBytes(value)
      return builtInHeapBytes(object) + sample(object, object.size, pairBytes)
    }
    if (types.isSet(object)) return builtInHeapBytes(object) + sample(object, object.size)
    const own = builtInHeapBytes(object)
    // The names of a view are its every index.
    if (own !== smallObjectHeapBytes) return own
    const names = Object.getOwnPropertyNames(object)
    const prototype: unknown = Object.getPrototypeOf(object)
    if (prototype === Object.prototype || prototype === null)
      return objectHeapBytes(names) + sample(Object.values(object), names.length)
    if (names.length === 0) return own
    const data = names.map((name) => Object.getOwnPropertyDescriptor(object, name)?.value)
    return own + objectHeapBytes(names) + sample(data, names.length)
  }

  /** What `size` parts refer to, judged by those that there are slots left for. */
  function sample<Part>(
    parts: Iterable<Part>,
    size: number,
    bytesOf: (part: Part) => number = slotBytes,
  ): number {
    let bytes = 0
    let looked = 0
    for (const part of parts) {
      if (slots >= mostSlots) break
      bytes += bytesOf(part)
      looked++
    }
    return looked === 0 ? 0 : (bytes / looked) * size
  }
}
