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

export function mapHeapBytes(size: number): number {
  return 96 + 28 * powerOfTwoAbove(size)
}

export function setHeapBytes(size: number): number {
  return 96 + 20 * powerOfTwoAbove(size)
}

/** Heap and memory outside it of bytes that are kept in an ArrayBuffer, together with one view of them. */
export function bufferHeapBytes(byteLength: number): number {
  return 320 + byteLength
}

/** A Date or RegExp. */
export const smallObjectHeapBytes = 128
