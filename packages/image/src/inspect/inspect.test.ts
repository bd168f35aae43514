import { imageMeta } from 'image-meta'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../image-error.ts'
import type { ImageFormat } from '../network/options.ts'
import { defaultTypes, type Inspection, inspect } from './inspect.ts'

const limits = { pixels: 40_000_000, side: 16_384 }
const options = { types: defaultTypes, limits }

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError)
    return (error as ImageError).code
  }
  return 'admitted'
}

const codeFor = (bytes: Uint8Array, changed: object = {}) =>
  codeOf(() => inspect(bytes, { ...options, ...changed }))

/** A picture that no codec can shrink to nothing, so that cuts fall into its data. */
async function picture(width: number, height: number) {
  const noise = Buffer.alloc(width * height * 3, 0).map((_, place) => (place * 7919) % 251)
  return sharp(noise, { raw: { width, height, channels: 3 } })
}

const formats = ['jpeg', 'png', 'gif', 'webp', 'avif'] as const
const sizes = [
  [1, 1],
  [2, 3],
  [37, 5],
  [300, 200],
] as const

async function encoded(format: (typeof formats)[number], width = 37, height = 21) {
  return new Uint8Array(await (await picture(width, height)).toFormat(format).toBuffer())
}

describe.each(formats)('%s', (format) => {
  it.each(sizes)('of %i x %i is measured as encoders wrote it, to its last byte', async (w, h) => {
    const bytes = await encoded(format, w, h)
    const expected: Inspection = {
      format,
      type: `image/${format}`,
      width: w,
      height: h,
      end: bytes.byteLength,
    }
    expect(inspect(bytes, options)).toEqual(expected)
    expect(imageMeta(bytes)).toMatchObject({ width: w, height: h })
  })

  it('may be followed by other bytes, which are not its own', async () => {
    const bytes = await encoded(format)
    const longer = new Uint8Array(bytes.byteLength + 5)
    longer.set(bytes)
    expect(inspect(longer, options).end).toBe(bytes.byteLength)
  })

  it('cut anywhere is never admitted', async () => {
    const bytes = await encoded(format)
    for (let length = 0; length < bytes.byteLength; length++)
      expect(codeFor(bytes.subarray(0, length)), `after ${length} bytes`).toMatch(
        /^(type|truncated)$/,
      )
  })

  it('is measured from its own bytes where it is a window into a larger buffer', async () => {
    const bytes = await encoded(format)
    const pool = new Uint8Array(bytes.byteLength * 2 + 3).fill(0xff)
    pool.set(bytes, 3)
    expect(inspect(pool.subarray(3, 3 + bytes.byteLength), options).width).toBe(37)
    // What lies behind the window would complete it, and is not looked at.
    for (const length of [4, 12, 20, 30, bytes.byteLength - 1])
      expect(codeFor(pool.subarray(3, 3 + length))).not.toBe('admitted')
  })

  it('is refused where the list of types does not have it', async () => {
    const types = defaultTypes.filter((type) => type !== format)
    expect(codeFor(await encoded(format), { types })).toBe('type')
  })

  it('is refused where a side or the product is over its limit, and admitted at it', async () => {
    const bytes = await encoded(format, 30, 20)
    const within = (side: number, pixels: number) => codeFor(bytes, { limits: { side, pixels } })
    expect(within(30, 600)).toBe('admitted')
    expect(within(29, 600)).toBe('pixels')
    expect(within(30, 599)).toBe('pixels')
  })

  it('may come under another image type, and is served as what it is', async () => {
    for (const declaredType of [
      'image/png',
      'image/jpeg',
      'application/octet-stream',
      '',
      undefined,
    ])
      expect(inspect(await encoded(format), { ...options, declaredType }).type).toBe(
        `image/${format}`,
      )
  })

  it.each([
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'text/plain',
    'application/json',
    'application/xhtml+xml',
    'application/xml',
    'application/javascript',
    'text/javascript',
    'application/ld+json',
    'image/svg+xml',
  ])('declared as %s is refused', async (declaredType) => {
    expect(codeFor(await encoded(format), { declaredType })).toBe('type')
  })
})

describe('variants that encoders write', () => {
  it.each([
    ['progressive JPEG', (image: Sharp) => image.jpeg({ progressive: true }), 'jpeg'],
    [
      'JPEG with restart markers and EXIF',
      (image: Sharp) => image.withExif({ IFD0: { Copyright: 'x'.repeat(300) } }).jpeg(),
      'jpeg',
    ],
    ['interlaced PNG', (image: Sharp) => image.png({ progressive: true }), 'png'],
    ['PNG with a palette', (image: Sharp) => image.png({ palette: true }), 'png'],
    ['lossless WebP', (image: Sharp) => image.webp({ lossless: true }), 'webp'],
    ['WebP with an alpha plane', (image: Sharp) => image.ensureAlpha(0.5).webp(), 'webp'],
    [
      'WebP with metadata',
      (image: Sharp) => image.withExif({ IFD0: { Copyright: 'me' } }).webp(),
      'webp',
    ],
    ['AVIF with an alpha plane', (image: Sharp) => image.ensureAlpha(0.5).avif(), 'avif'],
    ['lossless AVIF', (image: Sharp) => image.avif({ lossless: true }), 'avif'],
  ] as const)('%s', async (_, encode, format) => {
    const bytes = new Uint8Array(await encode(await picture(61, 33)).toBuffer())
    expect(inspect(bytes, options)).toMatchObject({
      format,
      width: 61,
      height: 33,
      end: bytes.byteLength,
    })
  })

  it.each(['gif', 'webp'] as const)('an animated %s', async (format) => {
    const noise = Buffer.alloc(20 * 60 * 3, 0).map((_, place) => (place * 7919) % 251)
    const raw = { width: 20, height: 60, channels: 3, pageHeight: 20 } as const
    const bytes = new Uint8Array(await sharp(noise, { raw }).toFormat(format).toBuffer())
    expect((await sharp(bytes).metadata()).pages).toBe(3)
    expect(inspect(bytes, options)).toEqual({
      format,
      type: `image/${format}`,
      width: 20,
      height: 20,
      end: bytes.byteLength,
    })
  })
})

describe('what is no picture', () => {
  const text = (words: string) => new TextEncoder().encode(words)

  it.each([
    ['nothing', new Uint8Array()],
    ['HTML', text('<!doctype html><html><script>alert(1)</script></html>')],
    ['a text that begins like a bitmap', text('BMW is a car maker')],
    ['three bytes of a JPEG', new Uint8Array([0xff, 0xd8, 0xff])],
    ['a PDF', text('%PDF-1.7')],
    ['an MP4', new Uint8Array([0, 0, 0, 16, ...text('ftypisom'), 0, 0, 0, 0])],
    ['a HEIC', new Uint8Array([0, 0, 0, 20, ...text('ftypheic'), 0, 0, 0, 0, ...text('mif1')])],
    ['an SVG', text('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>')],
    ['a PNG of no width', png(0, 5)],
    ['a GIF of no height', new Uint8Array([...text('GIF89a'), 5, 0, 0, 0, 0, 0, 0, 0x3b])],
    [
      'a PNG whose first chunk is not IHDR',
      new Uint8Array([
        ...png(5, 5).subarray(0, 8),
        0,
        0,
        0,
        4,
        ...text('CgBI'),
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
      ]),
    ],
    ['a PNG with a width of more than 31 bits', png(0x8000_0001, 5)],
  ])('%s is refused', (_, bytes) => {
    expect(codeFor(bytes)).toBe('type')
  })

  it('says how large a picture is that is too large, before it asks whether it is whole', () => {
    expect(codeFor(png(30_000, 30_000))).toBe('pixels')
    expect(codeFor(png(16_385, 1))).toBe('pixels')
    expect(codeFor(png(16_384, 2_441))).toBe('truncated')
    expect(codeFor(png(16_384, 2_442))).toBe('pixels')
  })

  it('a frame that claims more than the canvas it stands on is measured too', () => {
    const frame = [0x2c, 0, 0, 0, 0, 0x30, 0x75, 0x30, 0x75, 0, 2, 0]
    const bytes = new Uint8Array([...text('GIF89a'), 1, 0, 1, 0, 0, 0, 0, ...frame, 0x3b])
    expect(codeFor(bytes)).toBe('pixels')
  })
})

describe('drawings', () => {
  const svgOptions = { types: ['svg'] as ImageFormat[], declaredType: 'image/svg+xml' }
  const code = (words: string) => codeFor(new TextEncoder().encode(words), svgOptions)
  const open = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10.5px"'

  it('are measured where they are asked for', () => {
    const words = `<?xml version="1.0" encoding="UTF-8"?>\n<!-- a - b -->${open}><rect/></svg>\n`
    const bytes = new TextEncoder().encode(words)
    expect(inspect(bytes, { ...options, ...svgOptions })).toEqual({
      format: 'svg',
      type: 'image/svg+xml',
      width: 20,
      height: 11,
      end: bytes.byteLength,
    })
    expect(code('<svg viewBox="0 0 40 30"/>')).toBe('admitted')
  })

  it.each([
    `${open}><script>alert(1)</script></svg>`,
    `${open}><s:script xmlns:s="http://www.w3.org/2000/svg">1</s:script></svg>`,
    `${open} onload="alert(1)"></svg>`,
    `${open} OnLoad = "alert(1)"></svg>`,
    `${open}><a href="javascript:alert(1)"><text>x</text></a></svg>`,
    `${open}><a href="java&#115;cript:alert(1)"><text>x</text></a></svg>`,
    `${open}><foreignObject><p/></foreignObject></svg>`,
    `${open}><animate attributeName="href" to="x"/></svg>`,
    `<!DOCTYPE svg [<!ENTITY a "b">]>${open}></svg>`,
    `<?xml-stylesheet href="x.css"?>${open}></svg>`,
    `${open}`,
    '<svg></svg>',
    '<svg width="100%" height="100%"></svg>',
    'x<svg width="1" height="1"></svg>',
  ])('are refused where they can do more than be looked at, or say no size: %s', (words) => {
    expect(code(words)).toBe('type')
  })

  it('are refused where they end before they are complete', () => {
    expect(code(`${open}><rect/>`)).toBe('truncated')
  })

  it('of 10 MB of the worst for a pattern are judged in less than 2 s of work', () => {
    const worst = ['onon', ' on', '<!--', '- ', '<svg ', 'on   ', "on='", '<a:', '&']
    for (const part of worst) {
      const words = open + part.repeat(10_000_000 / part.length)
      const before = process.threadCpuUsage()
      code(words)
      code(part.repeat(10_000_000 / part.length))
      const { user, system } = process.threadCpuUsage(before)
      expect((user + system) / 1_000, part).toBeLessThan(2_000)
    }
  })
})

/** A header of a PNG with this size, and nothing after it. */
function png(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(8 + 25)
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52])
  const view = new DataView(bytes.buffer)
  view.setUint32(16, width)
  view.setUint32(20, height)
  return bytes
}
