import { asBuffer } from '../entry/head.ts'
import { parseExactJson } from '../entry/parse-exact-json.ts'
import { headLengthIn, type Members } from './session-record.ts'

/**
 * The members of a record, told from what they likely are: most of a session is what it was, and comparing text costs
 * a quarter of parsing it. `undefined` where the record has another form, order or member; then it has to be parsed.
 */
export function likelyMembers(bytes: Uint8Array, likely: Members): Members | undefined {
  const text = asBuffer(bytes).toString('utf8')
  let at = headLengthIn(text)
  if (at === 0) return undefined
  const members = new Map<string, string>()
  for (const [name, json] of likely) {
    const label = `,${JSON.stringify(name)}:`
    // It may be new. If it stands somewhere else, something is left over in the end.
    if (!text.startsWith(label, at)) continue
    at += label.length
    // A slice that is compared costs a third of `startsWith`.
    if (text.slice(at, at + json.length) === json && isEnd(text.charCodeAt(at + json.length))) {
      members.set(name, json)
      at += json.length
    } else {
      const end = endOfValue(text, at)
      members.set(name, JSON.stringify(parseExactJson(text.slice(at, end))))
      at = end
    }
  }
  return at === text.length - 1 && text.charCodeAt(at) === closingBrace ? members : undefined
}

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
const openingBracket = 0x5b
const closingBracket = 0x5d
const openingBrace = 0x7b
const closingBrace = 0x7d

const isEnd = (code: number) => code === comma || code === closingBrace

/** Behind the value that begins there, in text that is known to be JSON. */
function endOfValue(text: string, from: number): number {
  let depth = 0
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = closingQuote(text, at)
    else if (code === openingBrace || code === openingBracket) depth++
    else if (depth === 0 && isEnd(code)) return at
    else if (code === closingBrace || code === closingBracket) depth--
  }
  return at
}

function closingQuote(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) return at
    if (code === backslash) at++
  }
  return text.length
}
