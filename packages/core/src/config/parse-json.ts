import { ConfigError } from './config-error.ts'

/** One reading of a JSON text, for the place of what is wrong with it and for names that are there twice. */
class JsonReading {
  readonly #text: string
  readonly #source: string
  #at = 0

  constructor(text: string, source: string) {
    this.#text = text
    this.#source = source
  }

  read(): unknown {
    const value = this.#value('')
    this.#skip()
    if (this.#at < this.#text.length) throw this.#wrong('nothing more after the value')
    return value
  }

  #value(path: string, depth = 0): unknown {
    if (depth > 64) throw this.#wrong('at most 64 levels of nesting')
    this.#skip()
    const start = this.#text[this.#at]
    if (start === '{') return this.#object(path, depth)
    if (start === '[') return this.#array(path, depth)
    if (start === '"') return this.#string()
    const rest = this.#text.slice(this.#at, this.#at + 64)
    const token = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/.exec(
      rest,
    )?.[0]
    if (token === undefined) throw this.#wrong('a value')
    this.#at += token.length
    return JSON.parse(token)
  }

  #object(path: string, depth: number): Record<string, unknown> {
    const entries = new Map<string, unknown>()
    this.#at++
    this.#skip()
    if (this.#take('}')) return {}
    do {
      this.#skip()
      const at = this.#at
      if (this.#text[at] !== '"') throw this.#wrong('a name in double quotes')
      const name = this.#string()
      const inside = path === '' ? name : `${path}.${name}`
      if (entries.has(name)) {
        this.#at = at
        throw this.#refusal(`the name '${name.slice(0, 40)}' is there twice`, inside)
      }
      this.#skip()
      if (!this.#take(':')) throw this.#wrong("':'")
      entries.set(name, this.#value(inside, depth + 1))
      this.#skip()
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#wrong("',' or '}'")
    // Not assigned one by one: a name may be `__proto__`.
    return Object.fromEntries(entries)
  }

  #array(path: string, depth: number): unknown[] {
    const items: unknown[] = []
    this.#at++
    this.#skip()
    if (this.#take(']')) return items
    do {
      items.push(this.#value(`${path}[${items.length}]`, depth + 1))
      this.#skip()
    } while (this.#take(','))
    if (!this.#take(']')) throw this.#wrong("',' or ']'")
    return items
  }

  #string(): string {
    const start = this.#at
    const text = this.#text
    for (let at = start + 1; at < text.length; at++) {
      if (text[at] === '\\') at++
      else if (text[at] === '\n') break
      else if (text[at] === '"') {
        this.#at = at + 1
        try {
          return JSON.parse(text.slice(start, at + 1)) as string
        } catch {
          this.#at = start
          throw this.#wrong('a string without control characters and with known escapes')
        }
      }
    }
    throw this.#wrong('a string with its closing quote')
  }

  #skip(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? '.')) this.#at++
  }

  #take(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false
    this.#at++
    return true
  }

  #wrong(expected: string): ConfigError {
    return this.#refusal(`expected ${expected}`, '')
  }

  #refusal(message: string, path: string): ConfigError {
    const before = this.#text.slice(0, this.#at).split('\n')
    const line = before.length
    const column = before.at(-1)!.length + 1
    const source = this.#source
    return new ConfigError(`${source}:${line}:${column}: ${message}`, {
      path,
      source,
      line,
      column,
    })
  }
}

/**
 * `JSON.parse` with the place of what is wrong, without a piece of the text in the message (it may hold a secret), and
 * without taking the last of two values of one name.
 * @throws ConfigError
 */
export function parseJson(text: string, source: string): unknown {
  return new JsonReading(text, source).read()
}
