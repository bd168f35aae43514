import { createHash, timingSafeEqual } from 'node:crypto'
import { ImageError } from '../image-error.ts'

const strongestFirst = ['sha512', 'sha384', 'sha256'] as const

/**
 * Subresource Integrity (W3C): of the hashes given, those of the strongest kind count, and one of them has to match.
 * Without a hash it knows it has nothing to say; see `knowsIntegrity`. @throws ImageError `integrity`
 */
export function assertIntegrity(body: Uint8Array, integrity: string): void {
  const given = hashesIn(integrity)
  for (const algorithm of strongestFirst) {
    const wanted = given.filter((each) => each?.[1] === algorithm)
    if (wanted.length === 0) continue
    const digest = createHash(algorithm).update(body).digest()
    const isRight = wanted.some((each) => {
      const expected = Buffer.from(each?.[2] ?? '', 'base64')
      return expected.length === digest.length && timingSafeEqual(expected, digest)
    })
    if (isRight) return
    throw new ImageError('integrity', 'the image is not what integrity says')
  }
}

/** Whether there is a hash in it that can be told to be right or wrong. */
export const knowsIntegrity = (integrity: unknown): boolean =>
  typeof integrity === 'string' && hashesIn(integrity).some((each) => each !== null)

const hashesIn = (integrity: string) =>
  integrity
    .trim()
    .split(/\s+/)
    .map((each) => /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+=*)(?:\?.*)?$/.exec(each))
