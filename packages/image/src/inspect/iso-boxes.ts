import type { ByteReader } from './byte-reader.ts'

/** One box of an ISO base media file (ISO/IEC 14496-12, 4.2). */
export interface Box {
  readonly type: string
  /** Where its content begins. */
  readonly from: number
  /** Where it ends; may lie after the last byte of the file. */
  readonly to: number
}

/** The boxes between two places, each at least 8 bytes long; ends where something is no box. */
export function* boxesIn(reader: ByteReader, start: number, end: number): Generator<Box, void> {
  for (let at = start; at + 8 <= Math.min(end, reader.length); ) {
    // A file has a dozen of them, and each costs as much as a hundred bytes read one by one.
    reader.step(100)
    const type = reader.name(at + 4)
    let size = reader.u32(at)
    let header = 8
    if (size === 1) {
      size = reader.u64(at + 8)
      header = 16
    } else if (size === 0) {
      size = end - at
    }
    // Neither does a box end before it has begun, nor is its name anything but letters.
    if (size < header || !/^[\x20-\x7e]{4}$/.test(type)) return
    yield { type, from: at + header, to: at + size }
    at += size
  }
}

export function boxIn(
  reader: ByteReader,
  parent: { readonly from: number; readonly to: number },
  type: string,
): Box | undefined {
  for (const box of boxesIn(reader, parent.from, parent.to)) if (box.type === type) return box
  return undefined
}

/** A full box begins with a version and flags. */
export function fullBox(reader: ByteReader, box: Box) {
  return { version: reader.u8(box.from), flags: reader.u32(box.from) & 0xff_ffff, at: box.from + 4 }
}
