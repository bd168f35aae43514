import { types } from 'node:util'
import {
  arrayHeapBytes,
  bufferHeapBytes,
  mapHeapBytes,
  objectHeapBytes,
  scalarHeapBytes,
  setHeapBytes,
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
  return Math.ceil(new SharedWalk().slot(value))
}

class SharedWalk {
  #slots = 0
  #depth = 0
  #root: object | undefined
  /** Made for the second object: most values that are sized are flat. */
  #seen: Set<object> | undefined

  /** What a slot refers to; 0 for an object that was counted already. */
  slot(value: unknown): number {
    this.#slots++
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
      return scalarHeapBytes(value)
    }
    if (this.#root === undefined) {
      this.#root = value
    } else {
      this.#seen ??= new Set()
      if (value === this.#root || this.#seen.has(value)) return 0
      this.#seen.add(value)
    }
    if (this.#depth === deepest) return smallObjectHeapBytes
    this.#depth++
    try {
      return this.#object(value)
    } catch {
      // A getter that throws hides its own object from the estimate, and nothing more.
      return smallObjectHeapBytes
    } finally {
      this.#depth--
    }
  }

  #object(object: object): number {
    if (types.isProxy(object)) return smallObjectHeapBytes
    const prototype: unknown = Object.getPrototypeOf(object)
    if (prototype === Object.prototype || prototype === null) {
      const names = Object.getOwnPropertyNames(object)
      return objectHeapBytes(names) + this.#array(Object.values(object))
    }
    if (Array.isArray(object)) return arrayHeapBytes(object.length) + this.#array(object)
    if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) {
      return bufferHeapBytes(object.byteLength)
    }
    if (types.isMap(object)) return mapHeapBytes(object.size) + this.#map(object)
    if (types.isSet(object)) return setHeapBytes(object.size) + this.#set(object)
    const names = Object.getOwnPropertyNames(object)
    if (names.length === 0) return smallObjectHeapBytes
    const data = names.map((name) => Object.getOwnPropertyDescriptor(object, name)?.value)
    return smallObjectHeapBytes + objectHeapBytes(names) + this.#array(data)
  }

  #array(values: readonly unknown[]): number {
    let bytes = 0
    let at = 0
    for (; at < values.length && this.#slots < mostSlots; at++) bytes += this.slot(values[at])
    return at === 0 ? 0 : (bytes / at) * values.length
  }

  #map(map: Map<unknown, unknown>): number {
    let bytes = 0
    let visited = 0
    for (const [key, value] of map) {
      if (this.#slots >= mostSlots) break
      bytes += this.slot(key) + this.slot(value)
      visited++
    }
    return visited === 0 ? 0 : (bytes / visited) * map.size
  }

  #set(set: Set<unknown>): number {
    let bytes = 0
    let visited = 0
    for (const member of set) {
      if (this.#slots >= mostSlots) break
      bytes += this.slot(member)
      visited++
    }
    return visited === 0 ? 0 : (bytes / visited) * set.size
  }
}
