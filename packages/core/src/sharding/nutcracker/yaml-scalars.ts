import {
  isBlank,
  isBlankOrEnd,
  isBreak,
  isBreakOrEnd,
  type Mark,
  refuse,
  type YamlCursor,
} from './yaml-cursor.ts'

/** A scalar, and whether it ended after a line break, where a new key may begin. */
export interface ScannedScalar {
  readonly text: string
  readonly endedOnNewLine: boolean
}

/**
 * Blanks and line breaks between two words of a scalar that may span lines. They are folded only when another word
 * follows: one break becomes a space, further ones stay (YAML 1.1, 9.1).
 */
class Gap {
  blanks = ''
  breaks: string[] = []
  get spansLines(): boolean {
    return this.breaks.length > 0
  }

  /** Reads all blanks and breaks; `onIndent` is asked before each blank that indents a following line. */
  take(cursor: YamlCursor, onIndent: () => void = () => {}): void {
    while (isBlank(cursor.peek()) || isBreak(cursor.peek())) {
      if (isBreak(cursor.peek())) {
        this.breaks.push(cursor.takeBreak())
        this.blanks = ''
      } else if (this.spansLines) {
        onIndent()
        cursor.take()
      } else {
        this.blanks += cursor.take()
      }
    }
  }

  folded(): string {
    const [first, ...further] = this.breaks
    if (first === undefined) return this.blanks
    if (first !== '\n') return first + further.join('')
    return further.length === 0 ? ' ' : further.join('')
  }
}

/** `---` or `...` at the beginning of a line: they end a document, also within a scalar. */
export function atDocumentMarker(cursor: YamlCursor): boolean {
  if (cursor.column !== 0 || !isBlankOrEnd(cursor.peek(3))) return false
  const three = cursor.peek(0) + cursor.peek(1) + cursor.peek(2)
  return three === '---' || three === '...'
}

/** Text without quotes: up to `: `, ` #`, or a line indented no more than `indent`, the block it stands in. */
export function scanPlain(cursor: YamlCursor, indent: number): ScannedScalar {
  let text = ''
  let gap = new Gap()
  while (!atDocumentMarker(cursor) && cursor.peek() !== '#') {
    while (!isBlankOrEnd(cursor.peek())) {
      if (cursor.peek() === ':' && isBlankOrEnd(cursor.peek(1))) break
      text += gap.folded() + cursor.take()
      gap = new Gap()
    }
    if (!isBlank(cursor.peek()) && !isBreak(cursor.peek())) break
    gap.take(cursor, () => {
      if (cursor.column <= indent && cursor.peek() === '\t') {
        refuse(cursor.mark(), 'a tab cannot indent a line; use spaces')
      }
    })
    if (cursor.column <= indent) break
  }
  return { text, endedOnNewLine: gap.spansLines }
}

/** Text in quotes, single or double; only double ones know escapes. */
export function scanQuoted(cursor: YamlCursor): ScannedScalar {
  const start = cursor.mark()
  const quote = cursor.take()
  let text = ''
  while (true) {
    if (atDocumentMarker(cursor)) {
      refuse(
        cursor.mark(),
        `a document marker stands within the quotes opened in line ${start.line}`,
      )
    }
    if (cursor.peek() === '') refuse(start, `the quote ${quote} is never closed`)
    const gap = new Gap()
    while (!isBlankOrEnd(cursor.peek())) {
      if (quote === "'" && cursor.peek() === "'" && cursor.peek(1) === "'") {
        cursor.take()
        text += cursor.take()
      } else if (cursor.peek() === quote) {
        cursor.take()
        return { text, endedOnNewLine: false }
      } else if (quote === '"' && cursor.peek() === '\\') {
        if (isBreak(cursor.peek(1))) {
          // An escaped break joins the lines without a space, and so do the blanks that indent the next one.
          cursor.take()
          cursor.takeBreak()
          gap.breaks.push('')
          break
        }
        text += takeEscape(cursor)
      } else {
        text += cursor.take()
      }
    }
    if (cursor.peek() === quote) continue
    gap.take(cursor)
    text += gap.folded()
  }
}

const escapes: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
}
const escapeDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

function takeEscape(cursor: YamlCursor): string {
  const mark = cursor.mark()
  cursor.take()
  const letter = cursor.take()
  const plain = escapes[letter]
  if (plain !== undefined) return plain
  const count = escapeDigits[letter]
  if (count === undefined) {
    refuse(mark, `\\${letter} is no escape; write \\\\ for a backslash, or use single quotes`)
  }
  let digits = ''
  while (digits.length < count && /^[0-9a-fA-F]$/.test(cursor.peek())) digits += cursor.take()
  const code = Number.parseInt(digits, 16)
  if (digits.length < count || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    refuse(mark, `\\${letter} needs ${count} hexadecimal digits that make a character`)
  }
  return String.fromCodePoint(code)
}

/** Text after `|` (literal) or `>` (folded), indented deeper than `indent`, the block it stands in. */
export function scanBlockScalar(cursor: YamlCursor, indent: number): ScannedScalar {
  const start = cursor.mark()
  const literal = cursor.take() === '|'
  const { chomping, increment } = takeHeader(cursor, start)

  let depth = increment === 0 ? 0 : Math.max(indent, 0) + increment
  let trailing = ''
  const takeIndent = () => {
    let deepest = 0
    while (true) {
      while ((depth === 0 || cursor.column < depth) && cursor.peek() === ' ') cursor.take()
      deepest = Math.max(deepest, cursor.column)
      if ((depth === 0 || cursor.column < depth) && cursor.peek() === '\t') {
        refuse(cursor.mark(), 'a tab cannot indent a line; use spaces')
      }
      if (!isBreak(cursor.peek())) break
      trailing += cursor.takeBreak()
    }
    if (depth === 0) depth = Math.max(deepest, indent + 1, 1)
  }

  let text = ''
  let leading = ''
  let wasBlank = false
  takeIndent()
  while (cursor.column === depth && cursor.peek() !== '') {
    const startsBlank = isBlank(cursor.peek())
    const folds = !literal && leading === '\n' && !wasBlank && !startsBlank
    if (!folds) text += leading
    else if (trailing === '') text += ' '
    text += trailing
    trailing = ''
    wasBlank = startsBlank
    while (!isBreakOrEnd(cursor.peek())) text += cursor.take()
    leading = cursor.peek() === '' ? '' : cursor.takeBreak()
    takeIndent()
  }
  if (chomping !== '-') text += leading
  if (chomping === '+') text += trailing
  return { text, endedOnNewLine: true }
}

/** What may stand on the line of `|` or `>`: how to end (`+`, `-`), and by how many columns the text is indented. */
function takeHeader(cursor: YamlCursor, start: Mark): { chomping: string; increment: number } {
  let chomping = ''
  let increment = 0
  const takeChomping = () => {
    if (cursor.peek() === '+' || cursor.peek() === '-') chomping = cursor.take()
  }
  takeChomping()
  if (/^[0-9]$/.test(cursor.peek())) {
    increment = Number(cursor.take())
    if (increment === 0) refuse(start, 'a block text cannot be indented by 0 columns')
    if (chomping === '') takeChomping()
  }
  while (isBlank(cursor.peek())) cursor.take()
  if (cursor.peek() === '#') while (!isBreakOrEnd(cursor.peek())) cursor.take()
  if (!isBreakOrEnd(cursor.peek())) {
    refuse(cursor.mark(), 'the text after | or > must begin on a line of its own')
  }
  if (cursor.peek() !== '') cursor.takeBreak()
  return { chomping, increment }
}
