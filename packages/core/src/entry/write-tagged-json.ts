import {
  isAnyArrayBuffer,
  isDate,
  isMap,
  isRegExp,
  isSet,
  isSharedArrayBuffer,
} from 'node:util/types'
import { CodecError } from '../errors.ts'
import { binaryTypeOf, bytesOf, hasMoreThanBytes } from './binary-types.ts'
import { hasForeignToJson } from './exact-json.ts'
import { maxDepth, maxNodes, maxPayloadBytes } from './limits.ts'
import { describePath, type PathStep } from './value-path.ts'

/**
 * Writes tagged JSON: what JSON cannot say, said inside it, for values that hold a Date, a Map, a Buffer and the like.
 * Why this and no library: docs/decisions/0020-serializer.md. The other half is read-tagged-json.ts.
 *
 * A string that begins with `~` is a tag; one that did so in the value gets a second `~`.
 *
 *   ~u undefined   ~h hole in an array   ~n NaN   ~p Infinity   ~m -Infinity   ~z -0
 *   ~i<hex> BigInt, after a minus sign if negative     ~d<ms> Date, `~dNaN` an invalid one
 *   ~r<flags>/<source> RegExp                          ~b<type>:<bytes> the next so many bytes of the attachments
 *   ["~M", key, value, …] Map   ["~S", item, …] Set   ["~O", name, value, …] object without a prototype
 *
 * Binary content never enters the text: it follows it as raw bytes, in the order of the tags. No tag names a class
 * or runs code. Nothing that is not listed here is written, so that nothing comes back as something else.
 */
export interface TaggedJson {
  readonly json: string
  readonly attachments: readonly Uint8Array[]
}

const tag = '~'
const tagCode = 0x7e

/** @throws CodecError that names the path to whatever would not come back as it is. */
export function writeTaggedJson(value: unknown): TaggedJson {
  if (hasForeignToJson()) {
    throw new CodecError(
      'no value can be written exactly while Object.prototype or Array.prototype has a toJSON method; remove it',
    )
  }
  const writer = new Writer()
  const tree = writer.write(value)
  return { json: JSON.stringify(tree), attachments: writer.attachments }
}

class Writer {
  readonly attachments: Uint8Array[] = []
  readonly #path: PathStep[] = []
  readonly #around: object[] = []
  #nodes = 1
  /** Characters and attached bytes; what is written takes at least as many bytes. */
  #weight = 0

  /** The value in JSON's terms; the very same object where nothing in it needs a tag. */
  write(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        this.#weigh(value.length)
        return value.charCodeAt(0) === tagCode ? tag + value : value
      case 'boolean':
        return value
      case 'number':
        return writeNumber(value)
      case 'undefined':
        return '~u'
      case 'bigint':
        return value < 0n ? `~i-${(-value).toString(16)}` : `~i${value.toString(16)}`
      case 'object':
        return value === null ? null : this.#object(value)
      default:
        return this.#refuse(`a ${typeof value}`)
    }
  }

  #object(object: object): unknown {
    const prototype: unknown = Object.getPrototypeOf(object)
    if (prototype === Object.prototype) return this.#inside(object, this.#plain)
    if (Array.isArray(object)) {
      if (prototype === Array.prototype) return this.#inside(object, this.#array)
    } else if (prototype === null) {
      return this.#inside(object, this.#withoutPrototype)
    } else if (prototype === Date.prototype && isDate(object)) {
      this.#refuseExtras(object)
      return `~d${object.getTime()}`
    } else if (prototype === Map.prototype && isMap(object)) {
      return this.#inside(object, this.#map)
    } else if (prototype === Set.prototype && isSet(object)) {
      return this.#inside(object, this.#set)
    } else if (prototype === RegExp.prototype && isRegExp(object)) {
      return this.#regExp(object)
    } else if (ArrayBuffer.isView(object) || isAnyArrayBuffer(object)) {
      return this.#binary(object)
    }
    return this.#refuse(`an instance of ${className(object)}`)
  }

  #inside<T extends object>(object: T, write: (this: Writer, object: T) => unknown): unknown {
    if (this.#around.includes(object)) this.#refuse('a reference back to something around it')
    if (this.#around.length >= maxDepth) this.#refuse(`nesting deeper than ${maxDepth} levels`)
    this.#around.push(object)
    const written = write.call(this, object)
    this.#around.pop()
    return written
  }

  #count(nodes: number): void {
    this.#nodes += nodes
    if (this.#nodes > maxNodes) this.#refuse(`more than ${maxNodes} values`)
  }

  #weigh(weight: number): void {
    this.#weight += weight
    if (this.#weight > maxPayloadBytes) this.#refuse(`more than ${maxPayloadBytes} bytes`)
  }

  #at(step: PathStep, value: unknown): unknown {
    this.#path.push(step)
    const written = this.write(value)
    this.#path.pop()
    return written
  }

  #plain(object: object): unknown {
    const names = this.#names(object)
    this.#count(names.length)
    let copy: Record<string, unknown> | undefined
    for (const name of names) {
      const value = this.#read(object, name)
      const written = this.#at(name, value)
      if (written === value) continue
      // Spreading keeps an own `__proto__` an own property, and assigning to an own property calls no setter.
      copy ??= { ...object }
      copy[name] = written
    }
    return copy ?? object
  }

  #array(array: readonly unknown[]): unknown {
    this.#count(array.length)
    let copy: unknown[] | undefined
    let holes = 0
    for (let i = 0; i < array.length; i++) {
      const value = array[i]
      const isHole = value === undefined && !Object.hasOwn(array, i)
      if (isHole) holes++
      const written = isHole ? '~h' : this.#at(i, value)
      if (written === value) continue
      copy ??= array.slice()
      copy[i] = written
    }
    if (Object.keys(array).length !== array.length - holes || hasSymbols(array)) {
      this.#refuse('an array with properties of its own')
    }
    return copy ?? array
  }

  #withoutPrototype(object: object): unknown {
    const names = this.#names(object)
    this.#count(1 + 2 * names.length)
    const list: unknown[] = ['~O']
    for (const name of names) {
      list.push(this.write(name), this.#at(name, this.#read(object, name)))
    }
    return list
  }

  #map(map: ReadonlyMap<unknown, unknown>): unknown {
    this.#refuseExtras(map)
    this.#count(1 + 2 * map.size)
    const list: unknown[] = ['~M']
    let index = 0
    for (const [key, value] of map) {
      list.push(this.#at({ part: 'key', index }, key), this.#at({ part: 'value', index }, value))
      index++
    }
    return list
  }

  #set(set: ReadonlySet<unknown>): unknown {
    this.#refuseExtras(set)
    this.#count(1 + set.size)
    const list: unknown[] = ['~S']
    for (const item of set) list.push(this.#at({ part: 'item', index: list.length - 1 }, item))
    return list
  }

  #regExp(pattern: RegExp): string {
    if (pattern.lastIndex !== 0)
      this.#refuse('a RegExp in the middle of a search (lastIndex is not 0)')
    this.#refuseExtras(pattern, 1)
    return `~r${pattern.flags}/${pattern.source}`
  }

  #binary(object: object): string {
    const type = binaryTypeOf(object)
    if (type === undefined) return this.#refuse(`an instance of ${className(object)}`)
    if (isSharedArrayBuffer((object as Partial<ArrayBufferView>).buffer)) {
      return this.#refuse('memory that threads share')
    }
    const bytes = this.#bytes(object)
    if (hasMoreThanBytes(object, type)) {
      return this.#refuse('binary data with properties of its own or memory that can be resized')
    }
    this.#weigh(bytes.byteLength)
    this.attachments.push(bytes)
    return `~b${type.code}:${bytes.byteLength}`
  }

  #bytes(object: object): Uint8Array {
    try {
      return bytesOf(object)
    } catch (cause) {
      return this.#refuse('memory that was handed to another thread', cause)
    }
  }

  #names(object: object): string[] {
    const names = Object.keys(object)
    if (Object.getOwnPropertyNames(object).length !== names.length) {
      this.#refuse('an object with properties that are not enumerable')
    }
    if (hasSymbols(object)) this.#refuse('an object with symbols as property names')
    return names
  }

  #read(object: object, name: string): unknown {
    try {
      return (object as Record<string, unknown>)[name]
    } catch (cause) {
      this.#path.push(name)
      return this.#refuse('a getter that throws', cause)
    }
  }

  #refuseExtras(object: object, expected = 0): void {
    if (Reflect.ownKeys(object).length !== expected) {
      this.#refuse(`a ${className(object)} with properties of its own`)
    }
  }

  #refuse(what: string, cause?: unknown): never {
    throw new CodecError(
      `a value for the far tier must come back exactly as it is; found ${what} at ${describePath(this.#path)}. Return plain data, or set codec.serializer to one that keeps it`,
      cause === undefined ? {} : { cause },
    )
  }
}

function writeNumber(value: number): unknown {
  if (value === 0) return 1 / value > 0 ? value : '~z'
  if (value - value === 0) return value
  if (Number.isNaN(value)) return '~n'
  return value > 0 ? '~p' : '~m'
}

function hasSymbols(object: object): boolean {
  return Object.getOwnPropertySymbols(object).length > 0
}

function className(object: object): string {
  const name: unknown = (object.constructor as { name?: unknown } | undefined)?.name
  return typeof name === 'string' && name !== '' ? name.slice(0, 40) : 'a class without a name'
}
