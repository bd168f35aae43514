import { isDeepStrictEqual, types } from 'node:util'
import { builtInClass, describeClass } from '../built-ins.ts'
import { CodecError } from '../errors.ts'
import { arrayHeapBytes, builtInHeapBytes, objectHeapBytes, scalarHeapBytes } from './heap-bytes.ts'
import { describePath, type PathStep } from './value-path.ts'

const deepest = 1_000

/** Above this length an array may be a few elements in a sea of holes, which a loop would visit one by one. */
const longestCertainlyDense = 1_000_000

type Parts = Record<string | number, unknown>
type ViewConstructor = new (source: ArrayBufferView | ArrayBuffer) => object

/**
 * One walk that copies a value, and while it is there sizes and freezes it.
 *
 * This is on the path of every miss, which explains its shape. `{ ...source }` keeps the hidden class and costs a
 * tenth of building property by property. `Object.values` reads a whole object without one lookup for each name.
 * The path is a stack of steps, written only when a nested object is entered. The map of objects seen exists only
 * once there are two. Hidden properties show by their number alone, which is cheap; which one it was is looked up
 * for the error.
 */
export class PrivateCopy {
  bytes = 0
  /** Something was met that stays mutable even when frozen: every reader needs a copy of its own. */
  unfreezable = false
  /** Look for what a copy would lose. Not needed for a value that is private already. */
  readonly #checked: boolean
  readonly #path: PathStep[] = []
  #freeze: boolean
  #root: object | undefined
  #rootCopy: object | undefined
  #seen: Map<object, object> | undefined

  constructor(checked: boolean, freeze: boolean) {
    this.#checked = checked
    this.#freeze = freeze
  }

  /** A copy of an object, or the primitive itself. */
  value(value: unknown): unknown {
    if (typeof value === 'object' && value !== null) return this.#object(value)
    if (typeof value === 'function' || typeof value === 'symbol')
      throw this.failed(`a ${typeof value}`)
    this.bytes += scalarHeapBytes(value)
    return value
  }

  /** The error that names where the walk stands. */
  failed(what: string, cause?: unknown): CodecError {
    const place = this.#path.length === 0 ? 'is' : `holds, at ${describePath(this.#path)},`
    return new CodecError(
      `A value to keep must be plain data that can be copied exactly; it ${place} ${what}. Return plain data, or set memory.values to 'shared'`,
      cause === undefined ? {} : { cause },
    )
  }

  #object(source: object): object {
    const known = source === this.#root ? this.#rootCopy : this.#seen?.get(source)
    if (known !== undefined) return known
    if (types.isProxy(source)) throw this.failed('a Proxy')
    const prototype: unknown = Object.getPrototypeOf(source)
    if (prototype === Object.prototype || prototype === null) return this.#plain(source, prototype)
    if (prototype === Array.prototype && Array.isArray(source)) return this.#array(source)
    return this.#builtIn(source)
  }

  #remember(source: object, copy: object): void {
    if (this.#root === undefined) {
      this.#root = source
      this.#rootCopy = copy
    } else {
      this.#seen ??= new Map()
      this.#seen.set(source, copy)
    }
  }

  #plain(source: object, prototype: unknown): object {
    const copy: Parts = prototype === null ? { __proto__: null, ...source } : { ...source }
    const values = Object.values(copy)
    const names = Object.getOwnPropertyNames(this.#checked ? source : copy)
    if (
      this.#checked &&
      (names.length !== values.length || Object.getOwnPropertySymbols(source).length !== 0)
    )
      throw this.#hidden(source, copy)
    this.#remember(source, copy)
    this.bytes += objectHeapBytes(names)
    return this.#parts(copy, values, names)
  }

  #array(source: unknown[]): object {
    // Other than `slice`, `concat` skips the holes of a long array instead of visiting them.
    const copy = Array.prototype.concat.call([], source)
    // Compares the elements by identity, and is the one quick way to ask for properties that are no elements.
    if (this.#checked && !isDeepStrictEqual(source, copy)) throw this.#hidden(source, copy)
    this.#remember(source, copy)
    const names = copy.length > longestCertainlyDense ? Object.keys(copy) : undefined
    const sparse = names !== undefined && names.length !== copy.length
    this.bytes += sparse ? objectHeapBytes(names) : arrayHeapBytes(copy.length)
    return sparse
      ? this.#parts(copy as Parts & unknown[], Object.values(copy), names)
      : this.#parts(copy as Parts & unknown[], copy)
  }

  /** Makes the parts of a shallow copy private as well. */
  #parts(copy: Parts, values: readonly unknown[], names?: readonly string[]): object {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      const type = typeof value
      if ((type === 'object' && value !== null) || type === 'function' || type === 'symbol') {
        const step = names === undefined ? i : names[i]!
        // An own `__proto__` is there already, so this sets it and not the prototype.
        copy[step] = this.#part(value, step)
      } else {
        this.bytes += scalarHeapBytes(value)
      }
    }
    return this.#freeze ? Object.freeze(copy) : copy
  }

  #part(value: unknown, step: PathStep): unknown {
    if (this.#path.push(step) >= deepest && typeof value === 'object')
      throw this.failed(`an object more than ${deepest} levels deep`)
    const copy = this.value(value)
    this.#path.pop()
    return copy
  }

  #builtIn(source: object): object {
    const copy = this.#shallowBuiltIn(source)
    this.unfreezable = true
    this.#freeze = false
    this.#remember(source, copy)
    this.bytes += builtInHeapBytes(source)
    let index = 0
    if (source instanceof Map) {
      for (const [key, value] of source) {
        const keyCopy = this.#part(key, { part: 'key', index })
        ;(copy as Map<unknown, unknown>).set(
          keyCopy,
          this.#part(value, { part: 'value', index: index++ }),
        )
      }
    } else if (source instanceof Set) {
      for (const member of source)
        (copy as Set<unknown>).add(this.#part(member, { part: 'item', index: index++ }))
    }
    return copy
  }

  /** A copy without its parts. */
  #shallowBuiltIn(source: object): object {
    // From here on `instanceof` tells the classes apart, at a fraction of the cost.
    const known = !this.#checked || builtInClass(source) !== undefined
    if (known && ArrayBuffer.isView(source)) {
      const { buffer } = source
      if (types.isSharedArrayBuffer(buffer)) throw this.failed('a view of a SharedArrayBuffer')
      if (isResizable(buffer)) throw this.failed('a view of a resizable ArrayBuffer')
      const copy = copyView(source, buffer)
      // Listing the own properties of a view would list its every element: comparing is far cheaper.
      if (this.#checked && !isDeepStrictEqual(source, copy))
        throw this.failed(`${describeClass(source)} with properties of its own`)
      return copy
    }
    const copy = known ? emptyCopy(source) : undefined
    if (copy === undefined) throw this.failed(describeClass(source))
    if (isResizable(source)) throw this.failed('a resizable ArrayBuffer')
    if (this.#checked && Reflect.ownKeys(source).length !== Reflect.ownKeys(copy).length)
      throw this.#hidden(source, copy)
    return copy
  }

  /** Names the first own property of `source` that `copy` does not have. */
  #hidden(source: object, copy: object): CodecError {
    const key = Reflect.ownKeys(source).find(
      (key) => typeof key === 'symbol' || !Object.hasOwn(copy, key),
    )
    if (key === undefined) return this.failed('an object that changes while it is read')
    if (typeof key === 'symbol') return this.failed('an object with a symbol as a property name')
    this.#path.push(key)
    return this.failed(
      Object.getOwnPropertyDescriptor(source, key)?.enumerable === true
        ? `a property that does not belong to ${describeClass(source)}`
        : 'a non-enumerable property',
    )
  }
}

/** The types of ES2023 do not know the property yet. */
function isResizable(buffer: object): boolean {
  return (buffer as { resizable?: boolean }).resizable === true
}

function emptyCopy(source: object): object | undefined {
  if (source instanceof Date) return new Date(source.getTime())
  if (source instanceof Map) return new Map()
  if (source instanceof Set) return new Set()
  if (source instanceof ArrayBuffer) return source.slice(0)
  if (!(source instanceof RegExp)) return undefined
  const copy = new RegExp(source)
  copy.lastIndex = source.lastIndex
  return copy
}

/** Over memory of its own, so that a few bytes do not keep the pool or file they were cut from alive. */
function copyView(source: ArrayBufferView, memory: ArrayBuffer): object {
  if (Buffer.isBuffer(source)) {
    const copy = Buffer.allocUnsafeSlow(source.length)
    copy.set(source)
    return copy
  }
  const type = Object.getPrototypeOf(source).constructor as ViewConstructor
  // Given a view, a typed array copies its elements; given memory, a DataView is a view of it.
  return types.isTypedArray(source)
    ? new type(source)
    : new type(memory.slice(source.byteOffset, source.byteOffset + source.byteLength))
}
