import { InvalidOptionError } from '@holdfast/core'
import { describe, expect, it } from 'vitest'
import { signatureFault, signUrl, verifyUrl } from './sign-url.ts'

const pair = { key: 'test-key', salt: 'test-salt' }
const published = 'oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20'

describe('a signature', () => {
  it("is imgproxy's own test vector", () => {
    expect(signUrl('/asd', pair)).toBe(published)
    expect(verifyUrl('/asd', published, [pair])).toBe(true)
  })

  it('is one of any pair, in any order, text or bytes', () => {
    const bytes = { key: Buffer.from('746573742d6b6579', 'hex'), salt: Buffer.from('test-salt') }
    const other = { key: 'other', salt: '' }
    expect(verifyUrl('/asd', published, [other, bytes])).toBe(true)
    expect(verifyUrl('/asd', signUrl('/asd', other), [pair, other])).toBe(true)
    expect(verifyUrl('/asd', published, [other])).toBe(false)
    expect(verifyUrl('/asd', published, [])).toBe(false)
  })

  it.each([
    ['of another path', '/ase', published],
    ['cut', '/asd', published.slice(0, -1)],
    ['longer', '/asd', `${published}A`],
    ['padded', '/asd', `${published}=`],
    ['with another spelling of the same bytes', '/asd', `${published.slice(0, -1)}1`],
    ['in the other alphabet', '/asd', published.replaceAll('-', '+').replaceAll('_', '/')],
    ['empty', '/asd', ''],
    ['of 32 zero bytes', '/asd', 'A'.repeat(43)],
    ['none', '/asd', undefined as never],
  ])('is wrong: %s', (_, path, signature) => {
    expect(signatureFault(path, signature, [pair])).toBe('signature')
    expect(verifyUrl(path, signature, [pair])).toBe(false)
  })

  it('ends with the exp inside the path, in Unix seconds, as a segment or a parameter', () => {
    const ends = 1_800_000_000
    for (const path of [`/exp:${ends}/?url=x`, `/w:1/expires:${ends}/x`, `/?url=x&exp=${ends}`]) {
      const signature = signUrl(path, pair)
      const fault = (now: number) => signatureFault(path, signature, [pair], { now })
      expect(fault(ends * 1_000 - 1)).toBeUndefined()
      expect(fault(ends * 1_000)).toBe('expired')
      expect(fault(ends - 1)).toBeUndefined()
      expect(fault(ends)).toBe('expired')
      // Nobody without a key finds out that one has expired.
      expect(signatureFault(path, published, [pair], { now: ends })).toBe('signature')
    }
  })

  it('with an exp that is no number has passed', () => {
    for (const path of ['/exp:soon/x', '/exp:/x', '/exp:-1/x', '/?exp=&url=x']) {
      expect(signatureFault(path, signUrl(path, pair), [pair])).toBe('expired')
    }
  })

  it('wants a path with a slash and a key', () => {
    expect(() => signUrl('asd', pair)).toThrow(InvalidOptionError)
    expect(() => signUrl('/asd', { key: '', salt: 'x' })).toThrow(/pair\.key/)
    expect(() => signUrl('/asd', { key: 'x' } as never)).toThrow(/pair\.salt/)
  })
})
