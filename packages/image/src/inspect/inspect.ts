import { ImageError } from '../image-error.ts'
import type { ImageFormat } from '../network/options.ts'
import { isAvif, measureAvif } from './avif.ts'
import { ByteReader, OutOfBytes, TooManyParts } from './byte-reader.ts'
import { isGif, measureGif } from './gif.ts'
import { isJpeg, measureJpeg } from './jpeg.ts'
import type { Measured } from './measured.ts'
import { isPng, measurePng } from './png.ts'
import { isSvg, measureSvg } from './svg.ts'
import { isWebp, measureWebp } from './webp.ts'

/** What the bytes themselves say. */
export interface Inspection {
  readonly format: ImageFormat
  /** The MIME type it is served as, always that of the bytes. */
  readonly type: string
  readonly width: number
  readonly height: number
  /** Where the image ends; bytes may follow. */
  readonly end: number
}

export interface InspectOptions {
  /** Formats that are admitted. */
  readonly types: readonly ImageFormat[]
  readonly limits: { readonly pixels: number; readonly side: number }
  /** The origin's Content-Type, if it sent one: some are refused whatever the bytes are. */
  readonly declaredType?: string | undefined
}

interface Parser {
  readonly type: string
  is(reader: ByteReader): boolean
  measure(reader: ByteReader): Measured | undefined
}

const parsers: Readonly<Record<ImageFormat, Parser>> = {
  jpeg: { type: 'image/jpeg', is: isJpeg, measure: measureJpeg },
  png: { type: 'image/png', is: isPng, measure: measurePng },
  gif: { type: 'image/gif', is: isGif, measure: measureGif },
  webp: { type: 'image/webp', is: isWebp, measure: measureWebp },
  avif: { type: 'image/avif', is: isAvif, measure: measureAvif },
  svg: { type: 'image/svg+xml', is: isSvg, measure: measureSvg },
}

/** SVG is not among them: it is a document that can do things, and whoever wants it says so. */
export const defaultTypes: readonly ImageFormat[] = Object.freeze([
  'jpeg',
  'png',
  'gif',
  'webp',
  'avif',
])

/**
 * Type, size and end of an image, from its bytes alone; nothing is decoded. Time and memory are bounded by the number of
 * bytes, and no byte outside the view is read.
 * @throws ImageError `type`, `pixels` or `truncated`
 */
export function inspect(bytes: Uint8Array, options: InspectOptions): Inspection {
  if (bytes.byteLength === 0) throw refused('expected an image; the body was empty')
  refuseDeclared(options)
  const reader = new ByteReader(bytes)
  const format = options.types.find((candidate) => within(() => parsers[candidate].is(reader)))
  if (format === undefined)
    throw refused(`expected ${options.types.join(', ')}; the bytes are none of these. See types`)
  const measured = within(() => parsers[format].measure(reader))
  if (measured === undefined) throw refused(`the header of this ${format} cannot be read`)
  const { width, height, largest, end } = measured
  if (width < 1 || height < 1) throw refused(`this ${format} has no pixels`)
  refusePixels({ width, height }, options)
  if (largest !== undefined) refusePixels(largest, options)
  if (end === undefined)
    throw new ImageError('truncated', `this ${format} ends before it is complete`)
  return { format, type: parsers[format].type, width, height, end }
}

/** `undefined` where bytes are wanted that are not there, or there is no end of parts. */
function within<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof OutOfBytes || error instanceof TooManyParts) return undefined
    throw error
  }
}

/** An origin that says it sends a document sends none of its pictures' bytes through here, whatever they look like. */
function refuseDeclared({ declaredType, types }: InspectOptions): void {
  const declared = (declaredType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  const isDrawing = declared === 'image/svg+xml'
  if (isDrawing && types.includes('svg')) return
  const isDocument =
    declared.startsWith('text/') || /[/+](?:html|json|javascript|xml)$/.test(declared)
  if (isDocument || /\/(?:xhtml|ecmascript|x-javascript)\b/.test(declared))
    throw refused('expected an image; the origin declares a document. See types for SVG')
}

function refusePixels(
  { width, height }: { readonly width: number; readonly height: number },
  { limits }: InspectOptions,
): void {
  if (width > limits.side || height > limits.side) {
    const message = `expected at most ${limits.side} pixels a side, not ${width} x ${height}; see limits.side`
    throw new ImageError('pixels', message)
  }
  // By division, so that no product can be too large to be exact.
  if (width > limits.pixels / height) {
    const message = `expected at most ${limits.pixels} pixels, not ${width} x ${height}; see limits.pixels`
    throw new ImageError('pixels', message)
  }
}

function refused(message: string): ImageError {
  return new ImageError('type', message)
}
