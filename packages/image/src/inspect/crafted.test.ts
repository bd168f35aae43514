import { describe, expect, it } from 'vitest'
import { ImageError } from '../image-error.ts'
import { defaultTypes, inspect } from './inspect.ts'

/** Files that no encoder writes, and that are put together here piece by piece. */
function verdict(bytes: readonly number[]): string {
  try {
    const { format, width, height, end } = inspect(new Uint8Array(bytes), {
      types: defaultTypes,
      limits: { pixels: 40_000_000, side: 16_384 },
    })
    return `${format} ${width} x ${height} to ${end} of ${bytes.length}`
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError)
    return (error as ImageError).code
  }
}

const ascii = (words: string) => [...Buffer.from(words, 'latin1')]
const u16 = (value: number) => [value >> 8, value & 255]
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value & 0xffff)]

describe('JPEG', () => {
  const frame = (width: number, height: number) => [
    0xff,
    0xc0,
    0,
    8,
    8,
    ...u16(height),
    ...u16(width),
    0,
  ]
  const scan = [0xff, 0xda, 0, 2, 1, 2, 0xff, 0, 0xff, 0xd0, 3]
  const jpeg = (...parts: number[][]) => [0xff, 0xd8, ...parts.flat(), 0xff, 0xd9]

  it('has the size of its frame, wherever that stands', () => {
    expect(verdict(jpeg([0xff, 0xe0, 0, 4, 0xff, 0xc0], frame(9, 7), scan))).toBe(
      'jpeg 9 x 7 to 31 of 31',
    )
    expect(verdict(jpeg([0xff, 0xff, 0xff, 0xe1, 0, 2], frame(9, 7), scan))).toMatch(/^jpeg 9 x 7/)
  })

  it('with a second frame is measured by the larger one too', () => {
    expect(verdict(jpeg(frame(9, 7), frame(20_000, 7), scan))).toBe('pixels')
    expect(verdict(jpeg(frame(9, 7), frame(9, 9), scan))).toMatch(/^jpeg 9 x 7/)
  })

  it('without a frame, or of no height, is none', () => {
    expect(verdict(jpeg(scan))).toBe('type')
    expect(verdict(jpeg(frame(9, 0), scan))).toBe('type')
    expect(verdict(jpeg([0xff, 0xc4, 0, 8, 8, 0, 9, 0, 7, 0], scan))).toBe('type')
  })

  it('ends at its own end and not at that of a thumbnail inside', () => {
    const thumbnail = jpeg(frame(1, 1), scan)
    const segment = [0xff, 0xe1, ...u16(thumbnail.length + 2), ...thumbnail]
    const whole = jpeg(segment, frame(9, 7), scan)
    expect(verdict(whole)).toBe(`jpeg 9 x 7 to ${whole.length} of ${whole.length}`)
    expect(verdict(whole.slice(0, -1))).toBe('truncated')
  })
})

describe('WebP', () => {
  const u24le = (value: number) => [value & 255, (value >> 8) & 255, value >> 16]
  const u32le = (value: number) => [...u24le(value & 0xff_ffff), value >>> 24]
  const chunk = (name: string, content: number[]) => [
    ...ascii(name),
    ...u32le(content.length),
    ...content,
    ...(content.length % 2 === 0 ? [] : [0]),
  ]
  const webp = (...chunks: number[][]) => {
    const content = [...ascii('WEBP'), ...chunks.flat()]
    return [...ascii('RIFF'), ...u32le(content.length), ...content]
  }
  const canvas = (width: number, height: number) =>
    chunk('VP8X', [0, 0, 0, 0, ...u24le(width - 1), ...u24le(height - 1)])
  const lossless = (width: number, height: number) =>
    chunk('VP8L', [0x2f, ...u32le(((height - 1) << 14) | (width - 1)), 0])

  it('has the size of its canvas', () => {
    const bytes = webp(canvas(9, 7), lossless(9, 7))
    expect(verdict(bytes)).toBe(`webp 9 x 7 to ${bytes.length} of ${bytes.length}`)
  })

  it('is read on behind a chunk of odd length', () => {
    expect(verdict(webp(canvas(9, 7), chunk('ICCP', [1]), lossless(9, 7)))).toMatch(/^webp 9 x 7/)
  })

  it('with a picture that is larger than its canvas is measured by that too', () => {
    expect(verdict(webp(canvas(9, 7), lossless(16_384, 16_384)))).toBe('pixels')
    const frame = chunk('ANMF', [0, 0, 0, 0, 0, 0, ...u24le(29_999), ...u24le(29_999), 0, 0, 0, 0])
    expect(verdict(webp(canvas(9, 7), frame))).toBe('pixels')
  })

  it('without a picture is none', () => {
    expect(verdict(webp(canvas(9, 7)))).toBe('type')
    expect(verdict(webp(canvas(9, 7), chunk('EXIF', [1, 2])))).toBe('type')
    expect(verdict(webp(chunk('EXIF', [1, 2]), lossless(9, 7)))).toBe('type')
  })
})

describe('AVIF', () => {
  const box = (type: string, content: readonly number[]) => [
    ...u32(content.length + 8),
    ...ascii(type),
    ...content,
  ]
  const full = (type: string, content: readonly number[], version = 0) =>
    box(type, [version, 0, 0, 0, ...content])
  const ispe = (width: number, height: number) => full('ispe', [...u32(width), ...u32(height)])
  const ftyp = (...brands: string[]) =>
    box('ftyp', [...ascii(brands[0]!), ...u32(0), ...brands.slice(1).flatMap(ascii)])
  /** One item of `pitm`, whose properties are `places` of `sizes`. */
  const iprp = (sizes: number[][], places: number[]) =>
    box('iprp', [
      ...box('ipco', sizes.flat()),
      ...full('ipma', [...u32(1), ...u16(1), places.length, ...places]),
    ])
  const meta = (...parts: number[][]) => full('meta', [...full('pitm', u16(1)), ...parts.flat()])
  /** One item with one extent. */
  const iloc = (offset: number, length: number) =>
    full('iloc', [
      0x44,
      0,
      ...u16(1),
      ...u16(1),
      ...u16(0),
      ...u16(1),
      ...u32(offset),
      ...u32(length),
    ])
  const head = ftyp('avif', 'mif1')
  const mdat = box('mdat', [1, 2, 3, 4])

  it('has the size that its primary item is given, and not the first one there is', () => {
    const bytes = [...head, ...meta(iprp([ispe(5, 5), ispe(9, 7)], [2])), ...mdat]
    expect(verdict(bytes)).toBe(`avif 9 x 7 to ${bytes.length} of ${bytes.length}`)
    // The highest bit says that the property is essential.
    expect(
      verdict([...head, ...meta(iprp([box('av1C', []), ispe(9, 7)], [0x81, 2])), ...mdat]),
    ).toMatch(/^avif 9 x 7/)
  })

  it('with another item that is too large is refused for that', () => {
    expect(
      verdict([...head, ...meta(iprp([ispe(9, 7), ispe(30_000, 30_000)], [1])), ...mdat]),
    ).toBe('pixels')
  })

  it('goes as far as its items do', () => {
    const about = (length: number) => {
      const before = [...head, ...meta(iprp([ispe(9, 7)], [1]), iloc(0, 0))].length
      return [...head, ...meta(iprp([ispe(9, 7)], [1]), iloc(before + 8, length)), ...mdat]
    }
    expect(verdict(about(4))).toMatch(/^avif 9 x 7/)
    expect(verdict(about(5))).toBe('truncated')
  })

  it('ends before what follows it', () => {
    const bytes = [...head, ...meta(iprp([ispe(9, 7)], [1])), ...mdat]
    expect(verdict([...bytes, ...ascii('something else')])).toBe(
      `avif 9 x 7 to ${bytes.length} of ${bytes.length + 14}`,
    )
    expect(verdict([...bytes, ...box('mdat', []).slice(0, 3), 200, ...ascii('mdat')])).toBe(
      'truncated',
    )
  })

  it.each([
    ['an item that has no size', [...head, ...meta(iprp([ispe(9, 7)], [])), ...mdat]],
    ['properties that are not there', [...head, ...meta(iprp([ispe(9, 7)], [7])), ...mdat]],
    ['no properties', [...head, ...meta(), ...mdat]],
    ['no meta', [...head, ...mdat]],
    ['no brand of its own', [...ftyp('heic', 'mif1'), ...meta(iprp([ispe(9, 7)], [1])), ...mdat]],
    ['a size of nothing', [...head, ...meta(iprp([ispe(0, 7)], [1])), ...mdat]],
    ['a box that ends before it begins', [...head, ...u32(4), ...ascii('meta'), ...mdat]],
  ])('with %s is none', (_, bytes) => {
    expect(verdict(bytes)).toBe('type')
  })

  it('may name its brand among those that it is compatible with', () => {
    expect(
      verdict([...ftyp('mif1', 'miaf', 'avif'), ...meta(iprp([ispe(9, 7)], [1])), ...mdat]),
    ).toMatch(/^avif/)
  })
})
