import { binaryTypeNamed, restoreBinary } from './binary-types.ts'
import { parseExactJson } from './parse-exact-json.ts'

/**
 * Reads what write-tagged-json.ts writes; the tags are listed there. The text has been held against the limits and is
 * turned into values in place. Binary content is taken from the attachments once and in order, so that a text cannot
 * ask for the same bytes again and again.
 * @throws Error for anything that the writer would not have written; the caller makes it a refused entry.
 */
export function readTaggedJson(json: string, attachments: Buffer): unknown {
  const reader = new Reader(attachments)
  const value = reader.revive(parseExactJson(json))
  reader.finish()
  return value
}

const tagCode = 0x7e

class Reader {
  readonly #attachments: Buffer
  #taken = 0

  constructor(attachments: Buffer) {
    this.#attachments = attachments
  }

  revive(node: unknown): unknown {
    if (typeof node === 'string') return node.charCodeAt(0) === tagCode ? this.#tag(node) : node
    if (typeof node !== 'object' || node === null) return node
    if (Array.isArray(node)) return this.#array(node)
    for (const name of Object.keys(node)) {
      const child = (node as Record<string, unknown>)[name]
      const value = this.revive(child)
      // The name is an own property already, `__proto__` too, so this calls no setter.
      if (value !== child) (node as Record<string, unknown>)[name] = value
    }
    return node
  }

  finish(): void {
    if (this.#taken !== this.#attachments.length) throw new Error('bytes that no tag asks for')
  }

  #array(list: unknown[]): unknown {
    switch (list[0]) {
      case '~M':
        return this.#map(list)
      case '~S':
        return this.#set(list)
      case '~O':
        return this.#withoutPrototype(list)
    }
    for (let i = 0; i < list.length; i++) {
      const child = list[i]
      if (child === '~h') delete list[i]
      else list[i] = this.revive(child)
    }
    return list
  }

  #map(list: readonly unknown[]): Map<unknown, unknown> {
    requirePairs(list)
    const map = new Map<unknown, unknown>()
    for (let i = 1; i < list.length; i += 2) map.set(this.revive(list[i]), this.revive(list[i + 1]))
    return map
  }

  #set(list: readonly unknown[]): Set<unknown> {
    const set = new Set<unknown>()
    for (let i = 1; i < list.length; i++) set.add(this.revive(list[i]))
    return set
  }

  #withoutPrototype(list: readonly unknown[]): object {
    requirePairs(list)
    const object = Object.create(null) as Record<string, unknown>
    for (let i = 1; i < list.length; i += 2) {
      const name = this.revive(list[i])
      if (typeof name !== 'string') throw new Error('a property name that is no string')
      object[name] = this.revive(list[i + 1])
    }
    return object
  }

  #tag(text: string): unknown {
    const rest = text.slice(2)
    switch (text[1]) {
      case '~':
        return text.slice(1)
      case 'u':
        return undefined
      case 'n':
        return Number.NaN
      case 'p':
        return Number.POSITIVE_INFINITY
      case 'm':
        return Number.NEGATIVE_INFINITY
      case 'z':
        return -0
      case 'i':
        return rest[0] === '-' ? -BigInt(`0x${rest.slice(1)}`) : BigInt(`0x${rest}`)
      case 'd':
        return new Date(Number(rest))
      case 'r':
        return readRegExp(rest)
      case 'b':
        return this.#binary(rest)
      default:
        throw new Error('an unknown tag')
    }
  }

  #binary(text: string): object {
    const [code = '', length = ''] = text.split(':')
    const type = binaryTypeNamed(code)
    const bytes = Number(length)
    if (type === undefined || !Number.isSafeInteger(bytes) || bytes < 0) {
      throw new Error('an unknown kind of binary data')
    }
    const start = this.#taken
    this.#taken += bytes
    if (this.#taken > this.#attachments.length || bytes % type.elementBytes !== 0) {
      throw new Error('binary data of another length')
    }
    return restoreBinary(type, this.#attachments.subarray(start, this.#taken))
  }
}

function requirePairs(list: readonly unknown[]): void {
  if (list.length % 2 === 0) throw new Error('a name or key without a value')
}

function readRegExp(text: string): RegExp {
  const slash = text.indexOf('/')
  if (slash < 0) throw new Error('a RegExp without a source')
  return new RegExp(text.slice(slash + 1), text.slice(0, slash))
}
