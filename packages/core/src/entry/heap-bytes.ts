import { types } from 'node:util'

/*
 * Estimates of what V8's heap takes for a value, without pointer compression, as in Node. They lean upwards, since a
 * bound that is exceeded costs more than one that is reached early: strings count two bytes a character, because
 * nothing tells a one-byte string from a two-byte one. What objects share (hidden classes, property names) is not
 * counted. heap-bytes.test.ts compares with the real heap.
 */

/** Heap of a value that is no object, beside the slot that refers to it. */
export function scalarHeapBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 24 + 2 * value.length
    case 'number':
      return (value | 0) === value ? 0 : 16
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? 32 : 24 + value.toString(16).length
    default:
      return 0
  }
}

/** From here on V8 keeps the properties of a copy in a hash table. */
const mostFastProperties = 1_020

/** Heap of a plain object with these own property names, without what its properties refer to. */
export function objectHeapBytes(names: readonly string[]): number {
  const count = names.length
  if (count === 0) return 56
  const first = names[0]!.charCodeAt(0)
  // Index-like names come first, and live in a hash table of their own once the object is frozen.
  if (first <= 57 && first >= 48) return 104 + hashTableBytes(count)
  if (count <= mostFastProperties) return count <= 4 ? 56 : 56 + 8 * count
  return names.reduce((sum, name) => sum + scalarHeapBytes(name), 56 + hashTableBytes(count))
}

function hashTableBytes(count: number): number {
  return 24 * powerOfTwoAbove(1.5 * count)
}

function powerOfTwoAbove(count: number): number {
  return count <= 4 ? 4 : 2 ** Math.ceil(Math.log2(count))
}

/** Heap of an array without what its elements refer to. */
export function arrayHeapBytes(length: number): number {
  return 56 + 8 * length
}

/** A Date, a RegExp, or something that does not show its size. */
export const smallObjectHeapBytes = 128

/** Heap of an object of a built-in class, and its memory outside the heap, without what a Map or Set refers to. */
export function builtInHeapBytes(object: object): number {
  if (object instanceof Map) return 96 + 28 * powerOfTwoAbove(object.size)
  if (object instanceof Set) return 96 + 20 * powerOfTwoAbove(object.size)
  // An ArrayBuffer together with one view of it.
  if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) return 320 + object.byteLength
  return smallObjectHeapBytes
}
