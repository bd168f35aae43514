import type { ByteReader } from './byte-reader.ts'
import { OutOfBytes } from './byte-reader.ts'
import type { Measured } from './measured.ts'

export const isJpeg = (reader: ByteReader): boolean => reader.has(0, [0xff, 0xd8, 0xff])

const startOfScan = 0xda
const endOfImage = 0xd9

/** Markers that stand alone: TEM, RST0 to RST7, SOI. */
const isAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)

/** SOF0 to SOF15 without DHT, JPG and DAC, which share their range. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

/** JPEG (ITU-T T.81, annex B): the size is in the frame header, the end is the marker EOI. */
export function measureJpeg(reader: ByteReader): Measured | undefined {
  let size: { width: number; height: number } | undefined
  // There should be one frame header; decoders differ in which of two they believe.
  const largest = { width: 0, height: 0 }
  let end: number | undefined
  try {
    for (let at = 2; end === undefined; ) {
      reader.step()
      const place = markerFrom(reader, at)
      if (place === undefined) break
      const marker = reader.u8(place)
      if (marker === endOfImage) {
        end = place + 1
      } else if (isAlone(marker)) {
        at = place + 1
      } else {
        if (isFrame(marker)) {
          const frame = { height: reader.u16(place + 4), width: reader.u16(place + 6) }
          size ??= frame
          largest.width = Math.max(largest.width, frame.width)
          largest.height = Math.max(largest.height, frame.height)
        }
        const length = reader.u16(place + 1)
        if (length < 2) break
        at = place + 1 + length
        if (marker === startOfScan) at = afterScan(reader, at)
      }
    }
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error
  }
  return size && { ...size, largest, end }
}

/** The marker that stands at `at`, after any fill bytes; `undefined` where none does. */
function markerFrom(reader: ByteReader, at: number): number | undefined {
  if (reader.u8(at) !== 0xff) return undefined
  let place = at + 1
  while (reader.u8(place) === 0xff) {
    reader.step()
    place++
  }
  return place
}

/** In the data of a scan, 0xff is followed by 0x00 or a restart marker; anything else ends it. */
function afterScan(reader: ByteReader, start: number): number {
  for (let at = start; ; ) {
    reader.step()
    at = reader.bytes.indexOf(0xff, at)
    if (at === -1) throw new OutOfBytes()
    const next = reader.u8(at + 1)
    if (next === 0xff) at++
    else if (next === 0x00 || (next >= 0xd0 && next <= 0xd7)) at += 2
    else return at
  }
}
