import { hashEncoded, type KeyHash } from './key-hash.ts'

/**
 * Bob Jenkins' one-at-a-time hash over C `char`s, sign-extended where `char` is signed. Source: Jenkins, "Hash
 * functions", Dr. Dobb's Journal 1997; sign measured on nutcracker 0.5.0.
 */
export class OneAtATime implements KeyHash {
  readonly #unusedBits: number

  constructor(signed: boolean) {
    this.#unusedBits = signed ? 24 : 0
  }

  bytes(key: Uint8Array, start: number, end: number): number {
    const unusedBits = this.#unusedBits | 0
    let hash = 0
    for (let i = start; i < end; i++) hash = absorb(hash, (key[i]! << unusedBits) >> unusedBits)
    return finish(hash)
  }

  text(key: string, start: number, end: number): number {
    let hash = 0
    let units = 0
    for (let i = start; i < end; i++) {
      const unit = key.charCodeAt(i)
      units |= unit
      hash = absorb(hash, unit)
    }
    return units > 0x7f ? hashEncoded(this, key, start, end) : finish(hash)
  }
}

function absorb(hash: number, byte: number): number {
  const added = (hash + byte) | 0
  const shifted = (added + (added << 10)) | 0
  return shifted ^ (shifted >>> 6)
}

function finish(hash: number): number {
  const shifted = (hash + (hash << 3)) | 0
  const folded = shifted ^ (shifted >>> 11)
  return (folded + (folded << 15)) | 0
}
