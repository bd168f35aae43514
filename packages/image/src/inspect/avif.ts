import { type ByteReader, OutOfBytes } from './byte-reader.ts'
import { type Box, boxesIn, boxIn, fullBox } from './iso-boxes.ts'
import type { Measured } from './measured.ts'

interface Size {
  readonly width: number
  readonly height: number
}

/** A file type box that names avif or avis, as its own brand or as one that it is compatible with. */
export function isAvif(reader: ByteReader): boolean {
  if (!reader.has(4, [0x66, 0x74, 0x79, 0x70])) return false
  const size = reader.u32(0)
  // The list of brands is short; a box that claims otherwise is not worth reading.
  if (size < 16 || size > 1024) return false
  for (let at = 8; at + 4 <= Math.min(size, reader.length); at += at === 8 ? 8 : 4) {
    const brand = reader.name(at)
    if (brand === 'avif' || brand === 'avis') return true
  }
  return false
}

/**
 * AVIF 1.1 (AOMedia) over HEIF (ISO/IEC 23008-12): the size is the `ispe` property that `ipma` gives to the primary item
 * of `pitm`; the end is that of the last box, and of the data that `iloc` points at.
 */
export function measureAvif(reader: ByteReader): Measured | undefined {
  const file = { from: 0, to: reader.length }
  const meta = boxIn(reader, file, 'meta')
  if (meta === undefined) return undefined
  const inMeta = { from: fullBox(reader, meta).at, to: meta.to }
  const pitm = boxIn(reader, inMeta, 'pitm')
  const iprp = boxIn(reader, inMeta, 'iprp')
  if (pitm === undefined || iprp === undefined) return undefined
  const ipco = boxIn(reader, iprp, 'ipco')
  if (ipco === undefined) return undefined
  const properties = [...boxesIn(reader, ipco.from, Math.min(ipco.to, meta.to))]
  const sizes = properties.map((box) => (box.type === 'ispe' ? sizeIn(reader, box) : undefined))
  const size = [...indexesOf(reader, iprp, primaryItem(reader, pitm))]
    .map((index) => sizes[index - 1])
    .find((one) => one !== undefined)
  if (size === undefined) return undefined
  return { ...size, largest: largestOf(sizes), end: endOf(reader, inMeta) }
}

function sizeIn(reader: ByteReader, ispe: Box): Size {
  const { at } = fullBox(reader, ispe)
  return { width: reader.u32(at), height: reader.u32(at + 4) }
}

/** Items that are not the primary one are decoded too: tiles, and the alpha plane. */
function largestOf(sizes: readonly (Size | undefined)[]): Size {
  let largest = { width: 0, height: 0 }
  for (const size of sizes) {
    largest = {
      width: Math.max(largest.width, size?.width ?? 0),
      height: Math.max(largest.height, size?.height ?? 0),
    }
  }
  return largest
}

function primaryItem(reader: ByteReader, pitm: Box): number {
  const { version, at } = fullBox(reader, pitm)
  return version === 0 ? reader.u16(at) : reader.u32(at)
}

/** The places in `ipco`, counted from 1, of the properties that an item has. */
function* indexesOf(reader: ByteReader, iprp: Box, item: number): Generator<number, void> {
  for (const ipma of boxesIn(reader, iprp.from, iprp.to)) {
    if (ipma.type !== 'ipma') continue
    const { version, flags, at: start } = fullBox(reader, ipma)
    const idBytes = version === 0 ? 2 : 4
    const isWide = (flags & 1) === 1
    const count = reader.u32(start)
    let at = start + 4
    // Each entry takes at least 3 bytes, so the end of the box ends the loop whatever the count is.
    for (let entry = 0; entry < count && at < ipma.to; entry++) {
      reader.step()
      const id = idBytes === 2 ? reader.u16(at) : reader.u32(at)
      const associations = reader.u8(at + idBytes)
      at += idBytes + 1
      for (let place = 0; place < associations; place++, at += isWide ? 2 : 1) {
        reader.step()
        if (id === item) yield isWide ? reader.u16(at) & 0x7fff : reader.u8(at) & 0x7f
      }
    }
  }
}

/** Boxes that are part of the picture; what follows them under another name may be anything. */
const ownBoxes = new Set(['ftyp', 'meta', 'mdat', 'moov', 'moof', 'free', 'skip', 'uuid', 'idat'])

function endOf(reader: ByteReader, meta: { from: number; to: number }): number | undefined {
  let end = 0
  try {
    for (const box of boxesIn(reader, 0, reader.length))
      if (ownBoxes.has(box.type)) end = Math.max(end, box.to)
    const iloc = boxIn(reader, meta, 'iloc')
    if (iloc !== undefined) end = Math.max(end, endOfItems(reader, iloc))
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error
    return undefined
  }
  return end <= reader.length ? end : undefined
}

/** Where the last byte lies that an item's extents point at (ISO/IEC 14496-12, 8.11.3). */
function endOfItems(reader: ByteReader, iloc: Box): number {
  const { version, at: start } = fullBox(reader, iloc)
  const sizes = reader.u16(start)
  const offsetBytes = sizes >> 12
  const lengthBytes = (sizes >> 8) & 0xf
  const baseBytes = (sizes >> 4) & 0xf
  const indexBytes = version === 0 ? 0 : sizes & 0xf
  for (const size of [offsetBytes, lengthBytes, baseBytes, indexBytes])
    if (size !== 0 && size !== 4 && size !== 8) throw new OutOfBytes()
  const idBytes = version < 2 ? 2 : 4
  const count = idBytes === 2 ? reader.u16(start + 2) : reader.u32(start + 2)
  const extentBytes = indexBytes + offsetBytes + lengthBytes
  let at = start + 2 + idBytes
  let end = 0
  for (let item = 0; item < count && at < iloc.to; item++) {
    reader.step()
    at += idBytes
    const method = version === 0 ? 0 : reader.u16(at) & 0xf
    at += version === 0 ? 2 : 4
    const base = reader.uint(at, baseBytes)
    const extents = reader.u16(at + baseBytes)
    at += baseBytes + 2
    for (let extent = 0; extent < extents; extent++, at += extentBytes) {
      reader.step()
      const offset = reader.uint(at + indexBytes, offsetBytes)
      const length = reader.uint(at + indexBytes + offsetBytes, lengthBytes)
      // Method 0 counts from the start of the file; the others stay inside boxes that are looked at already.
      if (method === 0) end = Math.max(end, base + offset + length)
    }
  }
  return end
}
