/** How a secret looks where it should not be. */
export interface LeakForm {
  readonly name: string
  readonly pattern: RegExp
}

/**
 * The forms of a marker: as it is, escaped letter by letter, and as base64, hex or a list of bytes. And what can hold
 * no marker, since it is drawn at random: a private key, a session's cookie and its id.
 */
export function leakForms(marker: string): LeakForm[] {
  const bytes = [...Buffer.from(marker)]
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0'))
  // `%63`, `%2563` (escaped twice), `\x63`, `\u0063`, `&#99;`, `&#x63;`, or the letter itself.
  const letters = bytes.map(
    (byte, at) =>
      `(?:${escaped(String.fromCharCode(byte))}|(?:%|%25|\\\\x|\\\\u00|&#x)${hex[at]};?|&#${byte};)`,
  )
  return [
    { name: 'text', pattern: new RegExp(letters.join(''), 'gi') },
    { name: 'base64', pattern: new RegExp(base64Cores(marker).map(escaped).join('|'), 'g') },
    // `63616e`, `63 61 6e` as a Buffer is inspected, `63:61:6e`, `0x63, 0x61`.
    { name: 'hex', pattern: new RegExp(hex.join('(?:0x|[\\s:,-]){0,12}'), 'gi') },
    // `[ 99, 97, 110 ]`, over several lines as a Uint8Array is inspected, also in JSON; `{ '0': 99, '1': 97 }`.
    {
      name: 'list of bytes',
      pattern: new RegExp(
        `\\b${bytes.join(`\\s*,(?:\\s|\\\\n)*(?:["']?\\d+["']?:\\s*)?`)}\\b`,
        'g',
      ),
    },
    { name: 'private key', pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/g },
    { name: 'session cookie', pattern: /(?<![\w-])[\w-]{43}\.[\w+/-]{43}(?![\w-])/g },
    { name: 'express-session cookie', pattern: /s(?::|%3A)[\w-]{8,}\.[\w+/%-]{43,}/gi },
    // Words joined by hyphens are as long at times; what is drawn at random has digits and both cases in it.
    {
      name: 'session id',
      pattern:
        /(?<![\w+/=-]|[\w-]{43}\.)(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{43}(?![\w+/=-]|\.[\w+/-]{43})/g,
    },
  ]
}

/** The letters of base64 and base64url that depend on the marker alone, for its three places among groups of 3 bytes. */
function base64Cores(marker: string): string[] {
  const length = Buffer.byteLength(marker)
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(marker)]).toString('base64url')
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + length) * 8) / 6))
  })
}

const escaped = (text: string) => text.replace(/[^A-Za-z0-9]/g, '\\$&')
