import {
  isBlankOrEnd,
  isBreak,
  isBreakOrEnd,
  type Mark,
  refuse,
  YamlCursor,
} from './yaml-cursor.ts'
import {
  atDocumentMarker,
  type ScannedScalar,
  scanBlockScalar,
  scanPlain,
  scanQuoted,
} from './yaml-scalars.ts'

/** The pieces of block-style YAML; blocks are opened and closed by indentation. */
export type YamlToken =
  | { readonly type: 'mapping-start' | 'sequence-start' | 'block-end'; readonly mark: Mark }
  | { readonly type: 'key' | 'value' | 'entry' | 'end'; readonly mark: Mark }
  | { readonly type: 'scalar'; readonly mark: Mark; readonly text: string }

/** A scalar that turns out to be a key if `:` follows on its line. */
interface PossibleKey {
  readonly tokenIndex: number
  readonly line: number
  readonly index: number
  readonly column: number
  readonly mark: Mark
  /** It stands where only a key can stand. */
  readonly required: boolean
}

// YAML 1.1 gives a key this many characters to end in, so that a reader need not look ahead further.
const longestKey = 1024

const forbidden: Readonly<Record<string, string>> = {
  '[': 'a list in brackets is not allowed; write one `- ` line per entry, and quotes around text that begins with [',
  ']': 'a bracket cannot stand here; put the text in quotes',
  '{': "a map in braces is not allowed; put a hash tag in quotes: '{}'",
  '}': 'a brace cannot stand here; put the text in quotes',
  ',': 'a comma cannot begin a value; put the text in quotes',
  '&': 'anchors are not allowed; write the value out, or put the text in quotes',
  '*': 'aliases are not allowed; write the value out, or put the text in quotes',
  '!': 'tags are not allowed; put the text in quotes',
  '%': 'a value cannot begin with %, and directives are not allowed; put the text in quotes',
  '@': 'a value cannot begin with @; put the text in quotes',
  '`': 'a value cannot begin with a backquote; put the text in quotes',
  '\t': 'a tab cannot indent a line or stand before a key; use spaces',
}

/**
 * Cuts a nutcracker.yml into tokens. It takes what nutcracker's own parser (libyaml 0.2.5, YAML 1.1) takes of
 * block style, and refuses what nutcracker refuses of the rest: brackets, anchors, tags, document markers.
 * Why a reader of our own: docs/decisions/0010-nutcracker-yaml.md.
 * @throws InvalidOptionError with line and column.
 */
export function yamlTokens(text: string): YamlToken[] {
  return new Tokenizer(text).run()
}

class Tokenizer {
  readonly #cursor: YamlCursor
  readonly #tokens: YamlToken[] = []
  /** Columns of the blocks around the current one. */
  readonly #outerIndents: number[] = []
  /** Column of the current block; -1 outside all. */
  #indent = -1
  #keyAllowed = true
  #possibleKey: PossibleKey | undefined

  constructor(text: string) {
    this.#cursor = new YamlCursor(text)
  }

  run(): YamlToken[] {
    while (true) {
      this.#skipToToken()
      this.#forgetStaleKey()
      this.#closeBlocks(this.#cursor.column)
      if (this.#cursor.peek() === '') break
      this.#takeToken()
    }
    this.#closeBlocks(-1)
    this.#forgetKey()
    this.#tokens.push({ type: 'end', mark: this.#cursor.mark() })
    return this.#tokens
  }

  #takeToken(): void {
    const cursor = this.#cursor
    if (atDocumentMarker(cursor)) {
      refuse(
        cursor.mark(),
        'document markers (--- and ...) are not allowed; the file is one document',
      )
    }
    const character = cursor.peek()
    const standsAlone = isBlankOrEnd(cursor.peek(1))
    if (standsAlone && character === '-') this.#takeIndicator('entry', 'sequence-start')
    else if (standsAlone && character === '?') this.#takeIndicator('key', 'mapping-start')
    else if (standsAlone && character === ':') this.#takeValue()
    else if (character === '|' || character === '>') {
      this.#forgetKey()
      this.#addScalar(cursor.mark(), scanBlockScalar(cursor, this.#indent))
    } else if (character === "'" || character === '"') {
      this.#rememberKey()
      this.#addScalar(cursor.mark(), scanQuoted(cursor))
    } else {
      const problem = forbidden[character]
      if (problem !== undefined) refuse(cursor.mark(), problem)
      this.#rememberKey()
      this.#addScalar(cursor.mark(), scanPlain(cursor, this.#indent))
    }
  }

  #addScalar(mark: Mark, { text, endedOnNewLine }: ScannedScalar): void {
    this.#tokens.push({ type: 'scalar', mark, text })
    this.#keyAllowed = endedOnNewLine
  }

  /** Blanks, comments and line breaks. Tabs pass only where no key could begin. */
  #skipToToken(): void {
    const cursor = this.#cursor
    while (true) {
      if (cursor.column === 0 && cursor.peek() === '\ufeff') cursor.take()
      while (cursor.peek() === ' ' || (cursor.peek() === '\t' && !this.#keyAllowed)) cursor.take()
      if (cursor.peek() === '#') while (!isBreakOrEnd(cursor.peek())) cursor.take()
      if (!isBreak(cursor.peek())) return
      cursor.takeBreak()
      this.#keyAllowed = true
    }
  }

  #takeIndicator(type: 'entry' | 'key', block: 'sequence-start' | 'mapping-start'): void {
    const mark = this.#cursor.mark()
    if (!this.#keyAllowed) {
      refuse(mark, `'${this.#cursor.peek()} ' must stand at the beginning of a line`)
    }
    this.#openBlock(this.#cursor.column, { type: block, mark })
    this.#forgetKey()
    this.#keyAllowed = true
    this.#cursor.take()
    this.#tokens.push({ type, mark })
  }

  #takeValue(): void {
    const mark = this.#cursor.mark()
    const key = this.#possibleKey
    if (key !== undefined) {
      this.#tokens.splice(key.tokenIndex, 0, { type: 'key', mark: key.mark })
      this.#openBlock(key.column, { type: 'mapping-start', mark: key.mark }, key.tokenIndex)
      this.#possibleKey = undefined
      this.#keyAllowed = false
    } else {
      if (!this.#keyAllowed) {
        refuse(mark, 'a second ": " on the line; put text that holds one in quotes')
      }
      this.#openBlock(this.#cursor.column, { type: 'mapping-start', mark })
      this.#keyAllowed = true
    }
    this.#cursor.take()
    this.#tokens.push({ type: 'value', mark })
  }

  #openBlock(column: number, token: YamlToken, at = this.#tokens.length): void {
    if (this.#indent >= column) return
    this.#outerIndents.push(this.#indent)
    this.#indent = column
    this.#tokens.splice(at, 0, token)
  }

  #closeBlocks(column: number): void {
    while (this.#indent > column) {
      this.#tokens.push({ type: 'block-end', mark: this.#cursor.mark() })
      this.#indent = this.#outerIndents.pop()!
    }
  }

  #rememberKey(): void {
    const cursor = this.#cursor
    if (!this.#keyAllowed) return
    this.#forgetKey()
    this.#possibleKey = {
      tokenIndex: this.#tokens.length,
      line: cursor.line,
      index: cursor.index,
      column: cursor.column,
      mark: cursor.mark(),
      required: this.#indent === cursor.column,
    }
  }

  #forgetStaleKey(): void {
    const key = this.#possibleKey
    if (key === undefined) return
    const { line, index } = this.#cursor
    if (key.line < line || key.index + longestKey < index) this.#forgetKey()
  }

  #forgetKey(): void {
    if (this.#possibleKey?.required) {
      refuse(this.#possibleKey.mark, "a key must be followed by ': ' on its line")
    }
    this.#possibleKey = undefined
  }
}
