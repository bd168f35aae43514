import type { ByteReader } from './byte-reader.ts'
import type { Measured } from './measured.ts'

/**
 * What makes a drawing a program, or makes it ask for something else. Refused, not mended: an SVG that needs these is
 * none for a picture cache. The wall is how it is served (sandboxed, as a download); this is the fence before it.
 */
const active =
  /<!(?:doctype|entity)|<\?xml-stylesheet|<(?:[\w.-]{1,40}:)?(?:script|foreignobject|iframe|embed|object|handler|listener|animate|set)\b|\bon[a-z]{1,40}\s*=|(?:javascript|vbscript|data)\s*:|&#/i

const length = /^\s*\+?(\d{1,9}(?:\.\d{0,9})?)(?:px)?\s*$/

/** The root element, after a byte order mark, the XML declaration, comments and space. */
const root = /^\ufeff?\s*(?:<\?xml [^>]{0,200}\?>\s*)?(?:<!--(?:[^-]|-(?!->))*-->\s*)*<svg[\s>]/

export function isSvg(reader: ByteReader): boolean {
  return root.test(text(reader.bytes.subarray(0, 4_096)))
}

/** An SVG whose size is in its root element; `undefined` for one that could do more than be looked at. */
export function measureSvg(reader: ByteReader): Measured | undefined {
  let whole: string
  try {
    whole = new TextDecoder('utf-8', { fatal: true }).decode(reader.bytes)
  } catch {
    return undefined
  }
  if (active.test(whole)) return undefined
  const start = whole.indexOf('<svg')
  const tag = whole.slice(start, whole.indexOf('>', start))
  const [, , viewWidth, viewHeight] = (attribute(tag, 'viewBox') ?? '').trim().split(/[\s,]+/)
  const width = pixels(attribute(tag, 'width')) ?? pixels(viewWidth)
  const height = pixels(attribute(tag, 'height')) ?? pixels(viewHeight)
  if (width === undefined || height === undefined) return undefined
  const isWhole = /<\/svg\s*>\s*(?:<!--(?:[^-]|-(?!->))*-->\s*)*$/.test(whole.slice(-4_096))
  const isEmpty = /\/$/.test(tag)
  return { width, height, end: isWhole || isEmpty ? reader.length : undefined }
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`)
    .exec(tag)
    ?.slice(1)
    .find((value) => value !== undefined)
}

/** Pixels, rounded up; other units and shares of something say nothing here. */
function pixels(value: string | undefined): number | undefined {
  const number = length.exec(value ?? '')?.[1]
  return number === undefined ? undefined : Math.ceil(Number(number))
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
