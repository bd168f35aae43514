import { utf8Text } from './utf8-text.ts'

/**
 * What a reader accepts, checked before it allocates. A writer refuses to write more, so that nothing is stored
 * which no process would read back.
 */
export const maxPayloadBytes = 8 * 1024 * 1024
/** Containers inside containers, the outermost one counted. */
export const maxDepth = 64
/** Values in one JSON text: containers, strings, numbers, booleans and nulls, but not the names of properties. */
export const maxNodes = 100_000
/** What a payload may grow to while it is decompressed, in multiples of its stored size. */
export const maxInflation = 100
/** A whole envelope; what is not payload are keys, tags and versions. */
export const maxEnvelopeBytes = 9 * 1024 * 1024
export const maxMetadataBytes = 16 * 1024

const openBrace = 0x7b
const closeBrace = 0x7d
/** Turns a square bracket into the brace of the same side. */
const braceBit = 0x20
const comma = 0x2c
const quote = 0x22
const backslash = 0x5c

/** A JSON text from `start` to before `end`, if it stays within `maxDepth` and `maxNodes`: found out without parsing it. */
export function jsonWithinLimits(bytes: Buffer, start = 0, end = bytes.length): string | undefined {
  // A value and its comma take two bytes and a container opens with a bracket: that alone clears most texts.
  if (end - start < 2 * maxNodes) {
    const text = utf8Text(bytes, start, end)
    if (text.length <= maxDepth || hasFewBrackets(text)) return text
  }
  return isWithinLimits(bytes.subarray(start, end)) ? bytes.toString('utf8', start, end) : undefined
}

function hasFewBrackets(text: string): boolean {
  let brackets = 0
  for (let at = text.indexOf('{'); at >= 0; at = text.indexOf('{', at + 1)) {
    if (++brackets > maxDepth) return false
  }
  for (let at = text.indexOf('['); at >= 0; at = text.indexOf('[', at + 1)) {
    if (++brackets > maxDepth) return false
  }
  return true
}

function isWithinLimits(json: Buffer): boolean {
  let depth = 0
  let nodes = 1
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number
    if (byte === quote) {
      at++
      while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1
    } else if (byte === comma) {
      if (++nodes > maxNodes) return false
    } else if ((byte | braceBit) === openBrace) {
      if (++depth > maxDepth) return false
      const isEmpty = ((json[at + 1] ?? 0) | braceBit) === closeBrace
      if (!isEmpty && ++nodes > maxNodes) return false
    } else if ((byte | braceBit) === closeBrace) {
      depth--
    }
  }
  return true
}
