import { describe, expect, it } from 'vitest'
import { encryptedBit, headBytes, headOf, peekHead } from './head.ts'

const stamp = '00112233445566778899aabbccddeeff'

describe('the head of an envelope', () => {
  it('is 17 bytes in clear: kind and format, then the stamp', () => {
    const head = headOf('value', stamp)
    expect(head.length).toBe(headBytes)
    expect(Buffer.from(head).toString('hex')).toBe(`91${stamp}`)
    expect(peekHead(head)).toEqual({ kind: 'value', encrypted: false, stamp })
  })

  it('tells each kind from the others', () => {
    const kinds = ['value', 'claim', 'failed-claim', 'version'] as const
    expect(kinds.map((kind) => peekHead(headOf(kind, stamp))?.kind)).toEqual(kinds)
  })

  it('keeps its kind and stamp readable when a store marks it encrypted', () => {
    const head = headOf('claim', stamp)
    head[0] = (head[0] as number) | encryptedBit
    expect(peekHead(head)).toEqual({ kind: 'claim', encrypted: true, stamp })
  })

  it('is nothing that text could begin with', () => {
    for (const text of ['{"a":1}', 'plain', '', '\u0000', 'é', '𝄞', '\u{10ffff}'.repeat(5)]) {
      expect(peekHead(Buffer.from(text.padEnd(40)))).toBeUndefined()
    }
  })

  it('is not read from bytes that are too few, of another format or of no known kind', () => {
    const head = headOf('value', stamp)
    expect(peekHead(head.subarray(0, 16))).toBeUndefined()
    for (let first = 0; first < 256; first++) {
      head[0] = first
      const isOurs = (first & 0xf0) === 0x90 && (first & 7) >= 1 && (first & 7) <= 4
      expect(peekHead(head) !== undefined).toBe(isOurs)
    }
  })

  it('refuses to be written with a stamp that is not 16 bytes in hexadecimal', () => {
    for (const bad of ['', 'ab', stamp.toUpperCase(), `${stamp}00`, stamp.replace('f', 'g')]) {
      expect(() => headOf('value', bad)).toThrow(/32 lowercase hexadecimal digits/)
    }
  })
})
