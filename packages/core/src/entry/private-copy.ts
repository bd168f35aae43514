import { isDeepStrictEqual, types } from 'node:util'
import { CodecError } from '../errors.ts'
import {
  arrayHeapBytes,
  bufferHeapBytes,
  mapHeapBytes,
  objectHeapBytes,
  scalarHeapBytes,
  setHeapBytes,
  smallObjectHeapBytes,
} from './heap-bytes.ts'
import { describePath, type PathStep } from './value-path.ts'

const deepest = 1_000

/** Above this length an array may be a few elements in a sea of holes, which `slice` would visit one by one. */
const longestCertainlyDense = 1_000_000

type Plain = Record<string, unknown>
type TypedArrayConstructor = new (source: ArrayLike<number>) => ArrayBufferView

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

  root(value: unknown): unknown {
    return this.#value(value)
  }

  /** The error that names where the walk stands. */
  failed(what: string, cause?: unknown): CodecError {
    const place = this.#path.length === 0 ? 'is' : `holds, at ${describePath(this.#path)},`
    return new CodecError(
      `A value to keep must be plain data that can be copied exactly; it ${place} ${what}. Return plain data, or set memory.values to 'shared'`,
      cause === undefined ? {} : { cause },
    )
  }

  /** A copy of an object, or the primitive itself. */
  #value(value: unknown): unknown {
    if (typeof value === 'object' && value !== null) return this.#object(value)
    if (typeof value === 'function') throw this.failed('a function')
    if (typeof value === 'symbol') throw this.failed('a symbol')
    this.bytes += scalarHeapBytes(value)
    return value
  }

  #child(value: unknown, step: PathStep): unknown {
    if (this.#path.push(step) >= deepest && typeof value === 'object') {
      throw this.failed(`an object more than ${deepest} levels deep`)
    }
    const copy = this.#value(value)
    this.#path.pop()
    return copy
  }

  #object(source: object): object {
    if (source === this.#root) return this.#rootCopy!
    const known = this.#seen?.get(source)
    if (known !== undefined) return known
    if (types.isProxy(source)) throw this.failed('a Proxy')
    const prototype: unknown = Object.getPrototypeOf(source)
    if (prototype === Object.prototype || prototype === null) return this.#plain(source, prototype)
    if (prototype === Array.prototype && Array.isArray(source)) return this.#array(source)
    return this.#builtIn(source, prototype)
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
    const copy: Plain = prototype === null ? { __proto__: null, ...source } : { ...source }
    const values = Object.values(copy)
    const names = Object.getOwnPropertyNames(this.#checked ? source : copy)
    if (
      this.#checked &&
      (names.length !== values.length || Object.getOwnPropertySymbols(source).length !== 0)
    ) {
      throw this.#hidden(source, copy)
    }
    this.#remember(source, copy)
    this.bytes += objectHeapBytes(names)
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (typeof value === 'object') {
        // An own `__proto__` is there already, so this sets it and not the prototype.
        if (value !== null) copy[names[i]!] = this.#child(value, names[i]!)
      } else if (typeof value === 'function' || typeof value === 'symbol') {
        this.#child(value, names[i]!)
      } else {
        this.bytes += scalarHeapBytes(value)
      }
    }
    return this.#freeze ? Object.freeze(copy) : copy
  }

  #array(source: unknown[]): object {
    if (source.length > longestCertainlyDense) {
      const names = Object.keys(source)
      if (names.length !== source.length) return this.#sparseArray(source, names)
    }
    const copy: unknown[] = Array.prototype.slice.call(source)
    // Compares the elements by identity, and is the one quick way to ask for properties that are no elements.
    if (this.#checked && !isDeepStrictEqual(source, copy)) throw this.#hidden(source, copy)
    this.#remember(source, copy)
    this.bytes += arrayHeapBytes(copy.length)
    for (let i = 0; i < copy.length; i++) {
      const value = copy[i]
      if (typeof value === 'object') {
        if (value !== null) copy[i] = this.#child(value, i)
      } else if (typeof value === 'function' || typeof value === 'symbol') {
        this.#child(value, i)
      } else {
        this.bytes += scalarHeapBytes(value)
      }
    }
    return this.#freeze ? Object.freeze(copy) : copy
  }

  #sparseArray(source: unknown[], names: readonly string[]): object {
    const copy: unknown[] = []
    copy.length = source.length
    this.#remember(source, copy)
    this.bytes += objectHeapBytes(names)
    for (const name of names) {
      const index = Number(name)
      if (String(index >>> 0) !== name || index >= copy.length) throw this.#hidden(source, copy)
      copy[index] = this.#child(source[index], index)
    }
    return this.#freeze ? Object.freeze(copy) : copy
  }

  #builtIn(source: object, prototype: unknown): object {
    if (ArrayBuffer.isView(source)) return this.#view(source, prototype)
    const copy = this.#emptyBuiltIn(source, prototype)
    if (copy === undefined) throw this.failed(describeClass(source))
    this.unfreezable = true
    this.#freeze = false
    if (this.#checked) {
      const own = Reflect.ownKeys(source)
      if (own.length !== (types.isRegExp(source) ? 1 : 0)) throw this.#hidden(source, copy)
    }
    this.#remember(source, copy)
    if (types.isMap(source)) {
      this.bytes += mapHeapBytes(source.size)
      let index = 0
      for (const [key, value] of source) {
        const keyCopy = this.#child(key, { part: 'key', index })
        ;(copy as Map<unknown, unknown>).set(
          keyCopy,
          this.#child(value, { part: 'value', index: index++ }),
        )
      }
    } else if (types.isSet(source)) {
      this.bytes += setHeapBytes(source.size)
      let index = 0
      for (const member of source) {
        ;(copy as Set<unknown>).add(this.#child(member, { part: 'item', index: index++ }))
      }
    } else {
      this.bytes += types.isArrayBuffer(source)
        ? bufferHeapBytes(source.byteLength)
        : smallObjectHeapBytes
    }
    return copy
  }

  /** Of exactly these classes: a subclass has more to it than a copy would hold. */
  #emptyBuiltIn(source: object, prototype: unknown): object | undefined {
    if (prototype === Date.prototype && types.isDate(source)) return new Date(source.getTime())
    if (prototype === Map.prototype && types.isMap(source)) return new Map()
    if (prototype === Set.prototype && types.isSet(source)) return new Set()
    if (prototype === RegExp.prototype && types.isRegExp(source)) {
      const copy = new RegExp(source.source, source.flags)
      copy.lastIndex = source.lastIndex
      return copy
    }
    if (prototype === ArrayBuffer.prototype && types.isArrayBuffer(source)) {
      if (isResizable(source)) throw this.failed('a resizable ArrayBuffer')
      return source.slice(0)
    }
    return undefined
  }

  #view(source: ArrayBufferView, prototype: unknown): object {
    if (types.isSharedArrayBuffer(source.buffer)) throw this.failed('a view of a SharedArrayBuffer')
    if (isResizable(source.buffer)) throw this.failed('a view of a resizable ArrayBuffer')
    const copy = copyView(source, prototype)
    if (copy === undefined) throw this.failed(describeClass(source))
    // Listing the own properties of a view would list its every element: comparing is far cheaper.
    if (this.#checked && !isDeepStrictEqual(source, copy)) {
      throw this.failed(`${describeClass(source)} with properties of its own`)
    }
    this.unfreezable = true
    this.#freeze = false
    this.#remember(source, copy)
    this.bytes += bufferHeapBytes(source.byteLength)
    return copy
  }

  /** Names the first own property of `source` that `copy` does not have. */
  #hidden(source: object, copy: object): CodecError {
    for (const key of Reflect.ownKeys(source)) {
      if (typeof key === 'symbol') return this.failed('an object with a symbol as a property name')
      if (Object.hasOwn(copy, key) || (key === 'lastIndex' && types.isRegExp(source))) continue
      this.#path.push(key)
      return this.failed(
        Object.getOwnPropertyDescriptor(source, key)?.enumerable === true
          ? `a property that does not belong to ${describeClass(source)}`
          : 'a non-enumerable property',
      )
    }
    return this.failed('an object that changes while it is read')
  }
}

/** The types of ES2023 do not know the property yet. */
function isResizable(buffer: object): boolean {
  return (buffer as { resizable?: boolean }).resizable === true
}

/** Over memory of its own, so that a few bytes do not keep the pool or file they were cut from alive. */
function copyView(source: ArrayBufferView, prototype: unknown): ArrayBufferView | undefined {
  if (prototype === Buffer.prototype) {
    const copy = Buffer.allocUnsafeSlow(source.byteLength)
    copy.set(source as Buffer)
    return copy
  }
  if (prototype === DataView.prototype && types.isArrayBuffer(source.buffer)) {
    return new DataView(
      source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength),
    )
  }
  // Only the built-in typed arrays have the property on their own prototype: no list to keep, no subclass let in.
  if (!Object.hasOwn(prototype as object, 'BYTES_PER_ELEMENT')) return undefined
  const type = (prototype as { constructor: TypedArrayConstructor }).constructor
  return new type(source as unknown as ArrayLike<number>)
}

function describeClass(source: object): string {
  try {
    const name: unknown = Object.getPrototypeOf(source)?.constructor?.name
    if (typeof name === 'string' && name !== '' && name !== 'Object') {
      return `an object of class ${name.slice(0, 40)}`
    }
  } catch {
    // A constructor or name that throws when read tells nothing either.
  }
  return 'an object whose prototype is not Object.prototype'
}
