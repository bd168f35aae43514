import { endianness } from 'node:os'
import { isDeepStrictEqual } from 'node:util'

/** A kind of binary object. Its code is written into envelopes and never reused for something else. */
export interface BinaryType {
  readonly code: string
  readonly prototype: object
  /** 1 where the bytes have no order. */
  readonly elementBytes: number
  /** One of these over this memory. */
  readonly over: (memory: ArrayBufferLike, byteOffset: number, byteLength: number) => object
}

type TypedArrayConstructor = {
  new (memory: ArrayBufferLike, byteOffset?: number, length?: number): object
  readonly prototype: object
  readonly BYTES_PER_ELEMENT: number
}

const typedArray = (code: string, type: TypedArrayConstructor): BinaryType => ({
  code,
  prototype: type.prototype,
  elementBytes: type.BYTES_PER_ELEMENT,
  over: (memory, byteOffset, byteLength) =>
    new type(memory, byteOffset, byteLength / type.BYTES_PER_ELEMENT),
})

const arrayBuffer: BinaryType = {
  code: 'memory',
  prototype: ArrayBuffer.prototype,
  elementBytes: 1,
  over: (memory) => memory,
}

/** Float16Array came with Node 24; an older Node refuses an entry that holds one, which is a miss there. */
const float16Array = (globalThis as { Float16Array?: TypedArrayConstructor }).Float16Array

const types: readonly BinaryType[] = [
  arrayBuffer,
  {
    code: 'buffer',
    prototype: Buffer.prototype,
    elementBytes: 1,
    over: (memory, byteOffset, byteLength) => Buffer.from(memory, byteOffset, byteLength),
  },
  {
    code: 'view',
    prototype: DataView.prototype,
    elementBytes: 1,
    over: (memory, byteOffset, byteLength) => new DataView(memory, byteOffset, byteLength),
  },
  typedArray('u1', Uint8Array),
  typedArray('c1', Uint8ClampedArray),
  typedArray('i1', Int8Array),
  typedArray('u2', Uint16Array),
  typedArray('i2', Int16Array),
  typedArray('u4', Uint32Array),
  typedArray('i4', Int32Array),
  typedArray('u8', BigUint64Array),
  typedArray('i8', BigInt64Array),
  typedArray('f4', Float32Array),
  typedArray('f8', Float64Array),
  ...(float16Array === undefined ? [] : [typedArray('f2', float16Array)]),
]

// Elements of several bytes are stored as they lie in memory: the same on every machine that counts from the little
// end. On one that does not, they are refused rather than turned round.
const usable = types.filter((type) => type.elementBytes === 1 || endianness() === 'LE')
const byPrototype = new Map(usable.map((type) => [type.prototype, type]))
const byCode = new Map(usable.map((type) => [type.code, type]))

export function binaryTypeOf(object: object): BinaryType | undefined {
  return byPrototype.get(Object.getPrototypeOf(object))
}

export function binaryTypeNamed(code: string): BinaryType | undefined {
  return byCode.get(code)
}

/** The object's bytes, not copied. @throws TypeError for memory that has been handed to another thread. */
export function bytesOf(object: object): Uint8Array {
  if (!ArrayBuffer.isView(object)) return new Uint8Array(object as ArrayBuffer)
  return new Uint8Array(object.buffer, object.byteOffset, object.byteLength)
}

/** Whether the object has properties besides its bytes, or memory that changes its size. */
export function hasMoreThanBytes(object: object, type: BinaryType): boolean {
  if (!ArrayBuffer.isView(object)) {
    return (
      Reflect.ownKeys(object).length > 0 || (object as { resizable?: boolean }).resizable === true
    )
  }
  if (object instanceof DataView) return Reflect.ownKeys(object).length > 0
  // Listing a typed array's names would list every index; comparing it with a bare view of its own memory does not.
  return !isDeepStrictEqual(object, type.over(object.buffer, object.byteOffset, object.byteLength))
}

/** From here on a copy costs as much as it costs to read the bytes. */
const largeBytes = 65_536

/**
 * The same bytes in memory of their own: no part of a network buffer or a pool is shown to their user or kept alive. A
 * large Buffer that fills its memory but for a sixteenth stays where it is: what a store hands out belongs to the caller
 * alone. Other views do not, as their users take `buffer` for what they put in.
 */
export function restoreBinary(type: BinaryType, bytes: Uint8Array): object {
  const { buffer, byteOffset, byteLength } = bytes
  const mostOfIt = buffer.byteLength - buffer.byteLength / 16
  if (type.code === 'buffer' && byteLength >= largeBytes && byteLength >= mostOfIt) {
    return type.over(buffer, byteOffset, byteLength)
  }
  const memory = new ArrayBuffer(byteLength)
  new Uint8Array(memory).set(bytes)
  return type.over(memory, 0, byteLength)
}
