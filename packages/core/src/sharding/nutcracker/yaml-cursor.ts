import { InvalidOptionError } from '../../errors.ts'

/** A place in the text, counted from 1, for people. */
export interface Mark {
  readonly line: number
  readonly column: number
}

/** @throws InvalidOptionError always: `line 4, column 3: …`. */
export function refuse(mark: Mark, problem: string): never {
  throw new InvalidOptionError(
    `nutcracker.yml, line ${mark.line}, column ${mark.column}: ${problem}`,
  )
}

/** Reads a text character by character (code points, as YAML counts columns) and knows where it is. */
export class YamlCursor {
  readonly #characters: readonly string[]
  /** How many characters have been read. */
  index = 0
  /** From 0. */
  line = 0
  /** From 0: this one is compared with indentation. */
  column = 0

  /** @throws InvalidOptionError for a control character, which YAML does not allow anywhere. */
  constructor(text: string) {
    // One byte order mark belongs to the encoding, not to the text.
    this.#characters = Array.from(text.startsWith('\ufeff') ? text.slice(1) : text)
    for (const character of this.#characters) {
      if (!isPrintable(character.codePointAt(0)!)) {
        refuse(
          this.mark(),
          `found the control character U+${character.codePointAt(0)!.toString(16).padStart(4, '0')}; a configuration is plain text`,
        )
      }
      this.#advance(character)
    }
    this.index = 0
    this.line = 0
    this.column = 0
  }

  /** The character this many places ahead; `''` past the end. */
  peek(ahead = 0): string {
    return this.#characters[this.index + ahead] ?? ''
  }

  mark(): Mark {
    return { line: this.line + 1, column: this.column + 1 }
  }

  take(): string {
    const character = this.peek()
    this.#advance(character)
    return character
  }

  /** Reads a line break and returns what it means: CR, LF, CR LF and NEL are one line feed, LS and PS themselves. */
  takeBreak(): string {
    const character = this.take()
    // CR LF: the CR did not end the line, the LF does.
    if (character === '\r' && this.peek() === '\n') this.take()
    return character === '\u2028' || character === '\u2029' ? character : '\n'
  }

  #advance(character: string): void {
    this.index++
    const next = this.#characters[this.index] ?? ''
    if (isBreak(character) && !(character === '\r' && next === '\n')) {
      this.line++
      this.column = 0
    } else {
      this.column++
    }
  }
}

export const isBlank = (character: string): boolean => character === ' ' || character === '\t'

// YAML 1.1, which nutcracker's parser follows, breaks lines at NEL, LS and PS too.
export const isBreak = (character: string): boolean =>
  character === '\n' ||
  character === '\r' ||
  character === '\u0085' ||
  character === '\u2028' ||
  character === '\u2029'

export const isBreakOrEnd = (character: string): boolean => character === '' || isBreak(character)

export const isBlankOrEnd = (character: string): boolean =>
  isBlank(character) || isBreakOrEnd(character)

function isPrintable(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d
  if (code < 0xa0) return code <= 0x7e || code === 0x85
  return code !== 0xfffe && code !== 0xffff
}
