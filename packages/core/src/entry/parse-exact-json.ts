/**
 * `JSON.parse`, but a name with an escape in it stays that name: V8 takes it for another one that it has read in its
 * place before, `"` for `\`, in Node 22 to 26 (nodejs/node issue 63785).
 * @throws SyntaxError
 */
export function parseExactJson(text: string): unknown {
  // Also says whether it is JSON at all, which is taken for granted below.
  const value: unknown = JSON.parse(text)
  return hasEscapedName(text) ? new Reading(text).value() : value
}

/** Each string that has a backslash is looked at once. */
function hasEscapedName(text: string): boolean {
  let at = text.indexOf('\\')
  while (at >= 0) {
    const end = closingQuote(text, at - 1)
    if (text[behindSpace(text, end + 1)] === ':') return true
    at = text.indexOf('\\', end)
  }
  return false
}

/** The first quote behind `from` that no backslash escapes. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); ; at = text.indexOf('"', at + 1)) {
    let before = at - 1
    while (before > from && text[before] === '\\') before--
    if ((at - 1 - before) % 2 === 0) return at
  }
}

function behindSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++
  return at
}

class Reading {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): unknown {
    const start = this.#peek()
    if (start === '[') return this.#array()
    if (start === '{') return this.#object()
    if (start === '"') return this.#string()
    const from = this.#at
    while (this.#at < this.#text.length && !',]} \t\r\n'.includes(this.#text[this.#at]!)) this.#at++
    return JSON.parse(this.#text.slice(from, this.#at))
  }

  #array(): unknown[] {
    const items: unknown[] = []
    for (this.#at++; this.#peek() !== ']'; ) {
      if (this.#peek() === ',') this.#at++
      items.push(this.value())
    }
    this.#at++
    return items
  }

  #object(): object {
    const object = {}
    for (this.#at++; this.#peek() !== '}'; ) {
      if (this.#peek() === ',') this.#at++
      this.#peek()
      const name = this.#string()
      this.#peek()
      this.#at++
      // Not assigned: it may be `__proto__`.
      Object.defineProperty(object, name, {
        value: this.value(),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    this.#at++
    return object
  }

  #string(): string {
    const from = this.#at
    this.#at = closingQuote(this.#text, from) + 1
    return JSON.parse(this.#text.slice(from, this.#at)) as string
  }

  /** The next letter that is no space. */
  #peek(): string | undefined {
    this.#at = behindSpace(this.#text, this.#at)
    return this.#text[this.#at]
  }
}
