import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntryFile, encodeEntryFile, readHead } from './entry-file.ts'

const key = Buffer.from('a key')
const bytes = Buffer.from('some bytes')
const whole = () => encodeEntryFile(key, bytes, 1_000)

describe('a file of the disk store', () => {
  it('gives back what was written until its end, and nothing after it', () => {
    expect(decodeEntryFile(whole(), key, 999)).toEqual({ state: 'live', bytes, expiresAt: 1_000 })
    expect(decodeEntryFile(whole(), key, 1_000)).toEqual({ state: 'over' })
    const forever = encodeEntryFile(key, bytes, Number.POSITIVE_INFINITY)
    expect(decodeEntryFile(forever, key, Number.MAX_VALUE)).toMatchObject({ state: 'live' })
  })

  it('takes an empty value', () => {
    const file = encodeEntryFile(key, new Uint8Array(), 1_000)
    expect(decodeEntryFile(file, key, 0)).toMatchObject({ state: 'live', bytes: Buffer.alloc(0) })
  })

  it('is damaged under another key', () => {
    expect(decodeEntryFile(whole(), Buffer.from('b key'), 0)).toEqual({ state: 'damaged' })
    expect(decodeEntryFile(whole(), Buffer.from('a ke'), 0)).toEqual({ state: 'damaged' })
  })

  it('is damaged by every single flipped bit, every cut and every extension', () => {
    const file = whole()
    for (let at = 0; at < file.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(file)
        flipped[at]! ^= 1 << bit
        expect(decodeEntryFile(flipped, key, 0).state, `bit ${bit} of byte ${at}`).toBe('damaged')
      }
      expect(decodeEntryFile(Buffer.from(file.subarray(0, at)), key, 0).state).toBe('damaged')
    }
    expect(decodeEntryFile(Buffer.concat([file, Buffer.of(0)]), key, 0).state).toBe('damaged')
  })

  it('never throws, whatever lies in the folder', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, asOurs) => {
        const file = Buffer.from(noise)
        if (asOurs) file.write('HFD2')
        expect(decodeEntryFile(file, key, 0).state).toBe('damaged')
        readHead(file)
      }),
      { numRuns: 2_000 },
    )
  })
})
