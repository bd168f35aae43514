/** A bare item of a structured field (RFC 9651), as far as a cache directive needs it. */
export interface Item {
  readonly type: 'integer' | 'decimal' | 'string' | 'token' | 'bytes' | 'boolean' | 'date' | 'list'
  readonly value: number | string | boolean
}

const key = /[a-z*][a-z0-9_.*-]*/y
const number = /-?\d+(?:\.\d{1,3})?/y
const string = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y
const token = /[A-Za-z*][\w!#$%&'*+.^`|~:/-]*/y
const bytes = /:[A-Za-z0-9+/]*={0,2}:/y
const boolean = /\?([01])/y
const blanks = /[ \t]*/y
const spaces = / */y

/** The members of a dictionary (RFC 9651, 4.2.2), the last of each name; `undefined` where any of it is malformed. */
export function parseDictionary(text: string): ReadonlyMap<string, Item> | undefined {
  const reader = new Reader(trimmed(text))
  const members = new Map<string, Item>()
  while (!reader.isDone()) {
    const name = reader.take(key)?.[0]
    if (name === undefined) return undefined
    const item = reader.takeLiteral('=')
      ? reader.value()
      : ({ type: 'boolean', value: true } as const)
    if (item === undefined || !reader.parameters()) return undefined
    members.set(name, item)
    reader.take(blanks)
    if (reader.isDone()) return members
    if (!reader.takeLiteral(',')) return undefined
    reader.take(blanks)
    // A comma at the end has no member behind it.
    if (reader.isDone()) return undefined
  }
  return members
}

/** Without the spaces around it. A pattern would try every run of spaces inside again and again. */
function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (text[start] === ' ') start++
  while (end > start && text[end - 1] === ' ') end--
  return text.slice(start, end)
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  isDone(): boolean {
    return this.#at >= this.#text.length
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match
  }

  takeLiteral(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false
    this.#at += literal.length
    return true
  }

  value(): Item | undefined {
    if (!this.takeLiteral('(')) return this.#bareItem()
    for (;;) {
      this.take(spaces)
      if (this.takeLiteral(')')) return { type: 'list', value: '' }
      if (this.#bareItem() === undefined || !this.parameters()) return undefined
      if (!/[ )]/.test(this.#text.charAt(this.#at))) return undefined
    }
  }

  parameters(): boolean {
    while (this.takeLiteral(';')) {
      this.take(spaces)
      if (this.take(key) === undefined) return false
      if (this.takeLiteral('=') && this.#bareItem() === undefined) return false
    }
    return true
  }

  #bareItem(): Item | undefined {
    const digits = this.take(number)?.[0]
    if (digits !== undefined) return numberItem(digits)
    const text = this.take(string)?.[1]
    if (text !== undefined) return { type: 'string', value: text.replace(/\\(.)/g, '$1') }
    const word = this.take(token)?.[0]
    if (word !== undefined) return { type: 'token', value: word }
    const binary = this.take(bytes)?.[0]
    if (binary !== undefined) return { type: 'bytes', value: binary }
    const bit = this.take(boolean)?.[1]
    if (bit !== undefined) return { type: 'boolean', value: bit === '1' }
    if (!this.takeLiteral('@')) return undefined
    const date = this.take(number)?.[0]
    const item = date === undefined ? undefined : numberItem(date)
    return item?.type === 'integer' ? { type: 'date', value: item.value } : undefined
  }
}

/** At most 15 digits, or 12 before the point (RFC 9651, 3.3.1 and 3.3.2). */
function numberItem(digits: string): Item | undefined {
  const [whole = '', fraction] = digits.replace('-', '').split('.')
  if (whole.length > (fraction === undefined ? 15 : 12)) return undefined
  return { type: fraction === undefined ? 'integer' : 'decimal', value: Number(digits) }
}
