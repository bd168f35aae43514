import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { ImageError } from '../../src/image-error.ts'
import { inspect } from '../../src/inspect/inspect.ts'
import type { ImageFormat } from '../../src/network/options.ts'
import { seededRandom } from './seeded-random.ts'

/** A short run each time; `HOLDFAST_FUZZ_INPUTS=1000000` for the whole. */
const inputs = Number(process.env.HOLDFAST_FUZZ_INPUTS ?? 20_000)
const seed = Number(process.env.HOLDFAST_FUZZ_SEED ?? 1)

const types: readonly ImageFormat[] = ['jpeg', 'png', 'gif', 'webp', 'avif', 'svg']
const options = { types, limits: { pixels: 40_000_000, side: 16_384 } }

/** Rule R12: a header that takes longer is none. */
const mostMs = 100

/** Of this thread's own work: a machine that does something else meanwhile says nothing about a parser. */
function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

async function seeds(): Promise<Uint8Array[]> {
  const noise = (height: number) =>
    Buffer.alloc(23 * height * 3, 0).map((_, place) => (place * 7919) % 251)
  const raw = { width: 23, height: 9, channels: 3 } as const
  const one = () => sharp(noise(9), { raw })
  const three = () => sharp(noise(27), { raw: { ...raw, height: 27, pageHeight: 9 } })
  const all = await Promise.all([
    one().jpeg().toBuffer(),
    one().jpeg({ progressive: true }).toBuffer(),
    one().png().toBuffer(),
    one().png({ palette: true }).toBuffer(),
    one().gif().toBuffer(),
    three().gif().toBuffer(),
    one().webp().toBuffer(),
    one().webp({ lossless: true }).toBuffer(),
    one().ensureAlpha(0.5).webp().toBuffer(),
    three().webp().toBuffer(),
    one().avif().toBuffer(),
    one().ensureAlpha(0.5).avif().toBuffer(),
  ])
  const svg = '<?xml version="1.0"?><!-- a --><svg width="2" height="3"><rect/></svg>'
  return [...all.map((bytes) => new Uint8Array(bytes)), new TextEncoder().encode(svg)]
}

/** Numbers that lengths, counts and offsets go wrong with. */
const edges = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xfe, 0xff]

function mutated(all: readonly Uint8Array[], random: () => number): Uint8Array {
  const below = (bound: number) => Math.floor(random() * bound)
  const source = all[below(all.length)]!
  let bytes = Uint8Array.from(source)
  for (let change = below(6); change >= 0; change--) {
    const at = below(bytes.length + 1)
    switch (below(7)) {
      case 0:
        bytes[at] = below(256)
        break
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
        break
      case 2:
        // Half of all changes of numbers fall into the first bytes, where the structure is.
        bytes.fill(edges[below(edges.length)]!, below(2) === 0 ? at : below(64), at + below(9))
        break
      case 3:
        bytes = bytes.slice(0, at)
        break
      case 4:
        bytes = joined(bytes.slice(0, at), bytes.slice(below(bytes.length + 1)))
        break
      case 5: {
        const other = all[below(all.length)]!
        bytes = joined(bytes.slice(0, at), other.slice(below(other.length)))
        break
      }
      default:
        bytes = joined(
          bytes.slice(0, at),
          Uint8Array.from({ length: below(20) }, () => below(256)),
          bytes.slice(at),
        )
    }
  }
  return bytes
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts))
}

function verdict(bytes: Uint8Array): string {
  try {
    const { format, width, height, end } = inspect(bytes, options)
    expect(end).toBeLessThanOrEqual(bytes.byteLength)
    expect(width * height).toBeLessThanOrEqual(options.limits.pixels)
    return `${format} ${width} x ${height}, ${end}`
  } catch (error) {
    if (error instanceof ImageError) return `${error.code} ${error.message}`
    throw error
  }
}

let all: Uint8Array[]
beforeAll(async () => {
  all = await seeds()
})

it(`${inputs} mutated images are measured or refused in time, and nothing beside them is read`, () => {
  const random = seededRandom(seed)
  const counts = new Map<string, number>()
  let slowestMs = 0
  for (let input = 0; input < inputs; input++) {
    const bytes = mutated(all, random)
    // The same bytes beside two kinds of neighbours: who reads those judges differently.
    const room = new Uint8Array(bytes.length + 128).fill(0xff)
    room.set(bytes, 64)
    const window = room.subarray(64, 64 + bytes.length)
    let came = ''
    slowestMs = Math.max(
      slowestMs,
      cpuMs(() => (came = verdict(window))),
    )
    room.fill(0, 0, 64)
    room.fill(0, 64 + bytes.length)
    if (verdict(window) !== came)
      throw new Error(`seed ${seed}, input ${input}: reads beside its view`)
    const kind = came.split(' ', 1)[0]!
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  expect(slowestMs).toBeLessThan(mostMs)
  // A fuzzer whose inputs are all refused at the door tests the door alone.
  for (const kind of [...types, 'type', 'pixels', 'truncated'])
    expect(counts.get(kind) ?? 0, kind).toBeGreaterThan(inputs / 2_000)
  if (inputs > 100_000)
    console.log(Object.fromEntries(counts), `slowest ${slowestMs.toFixed(1)} ms`)
}, 3_600_000)

describe('10 MB made to be slow', () => {
  const size = 10_000_000
  const ascii = (words: string) => [...Buffer.from(words, 'latin1')]
  const u32 = (value: number) => [
    value >>> 24,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  ]
  const box = (type: string, content: readonly number[]) => [
    ...u32(content.length + 8),
    ...ascii(type),
    ...content,
  ]
  const fullBox = (type: string, content: readonly number[]) => box(type, [0, 0, 0, 0, ...content])
  const filled = (head: readonly number[], part: readonly number[]) => {
    const bytes = new Uint8Array(size)
    bytes.set(head)
    for (let at = head.length; at + part.length <= size; at += part.length) bytes.set(part, at)
    return bytes
  }
  const pngHead = [
    0x89,
    ...ascii('PNG\r\n\x1a\n'),
    ...u32(13),
    ...ascii('IHDR'),
    ...u32(9),
    ...u32(9),
    8,
    2,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ]
  const ftyp = box('ftyp', [...ascii('avif'), ...u32(0), ...ascii('avif')])
  const props = (ipma: readonly number[]) =>
    box('iprp', [...box('ipco', fullBox('ispe', [...u32(9), ...u32(9)])), ...ipma])
  const meta = (content: readonly number[]) =>
    fullBox('meta', [...fullBox('pitm', [0, 1]), ...content])
  const ipma = fullBox('ipma', [...u32(1), 0, 1, 1, 1])
  /** A box whose size says that it holds all the rest of the file. */
  const rest = (type: string, content: readonly number[], before: number) => [
    ...u32(size - before),
    ...ascii(type),
    ...content,
  ]

  function ilocOfNothing(): Uint8Array {
    const head = [
      ...ftyp,
      ...u32(size - ftyp.length),
      ...ascii('meta'),
      0,
      0,
      0,
      0,
      ...fullBox('pitm', [0, 1]),
      ...props(ipma),
    ]
    // Version 2, no bytes for offset, length, base and index: each item claims 65,535 extents of nothing.
    const iloc = [...rest('iloc', [2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], head.length)]
    return filled([...head, ...iloc], [0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff])
  }

  function ipmaOfNobody(): Uint8Array {
    const ipco = box('ipco', fullBox('ispe', [...u32(9), ...u32(9)]))
    const head = [
      ...ftyp,
      ...u32(size - ftyp.length),
      ...ascii('meta'),
      0,
      0,
      0,
      0,
      ...fullBox('pitm', [0, 1]),
    ]
    const iprp = [...u32(size - head.length), ...ascii('iprp'), ...ipco]
    const list = rest('ipma', [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], head.length + iprp.length)
    return filled([...head, ...iprp, ...list], [0, 2, 0])
  }

  it.each<[string, () => Uint8Array]>([
    ['PNG of empty chunks', () => filled(pngHead, [0, 0, 0, 0, ...ascii('tEXt'), 0, 0, 0, 0])],
    ['JPEG of fill bytes', () => filled([0xff, 0xd8], [0xff])],
    ['JPEG of empty segments', () => filled([0xff, 0xd8], [0xff, 0xe0, 0, 2])],
    ['JPEG of restart markers', () => filled([0xff, 0xd8], [0xff, 0xd0])],
    [
      'JPEG with a scan of stuffed bytes',
      () => filled([0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, 0, 9, 0, 9, 0, 0xff, 0xda, 0, 2], [0xff, 0]),
    ],
    [
      'JPEG of empty scans',
      () => filled([0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, 0, 9, 0, 9, 0], [0xff, 0xda, 0, 2]),
    ],
    [
      'GIF of blocks of one byte',
      () => filled([...ascii('GIF89a'), 9, 0, 9, 0, 0, 0, 0, 0x21, 0xfe], [1, 1]),
    ],
    [
      'GIF of empty extensions',
      () => filled([...ascii('GIF89a'), 9, 0, 9, 0, 0, 0, 0], [0x21, 0xfe, 0]),
    ],
    [
      'WebP of empty chunks',
      () =>
        filled(
          [
            ...ascii('RIFF'),
            0x7f,
            0x96,
            0x98,
            0,
            ...ascii('WEBPVP8L'),
            5,
            0,
            0,
            0,
            0x2f,
            0,
            0,
            0,
            0,
            0,
          ],
          [...ascii('EXIF'), 0, 0, 0, 0],
        ),
    ],
    ['AVIF of empty boxes', () => filled(ftyp, box('free', []))],
    [
      'AVIF of empty boxes after its picture',
      () => filled([...ftyp, ...meta(props(ipma))], box('free', [])),
    ],
    [
      'AVIF of empty properties',
      () => {
        const head = [
          ...ftyp,
          ...u32(size - ftyp.length),
          ...ascii('meta'),
          0,
          0,
          0,
          0,
          ...fullBox('pitm', [0, 1]),
        ]
        const iprp = rest('iprp', [], head.length)
        return filled([...head, ...iprp, ...rest('ipco', [], head.length + 8)], box('free', []))
      },
    ],
    ['AVIF with extents of no bytes', ilocOfNothing],
    ['AVIF with properties of nobody', ipmaOfNobody],
    ['SVG of comments', () => filled(ascii('<svg width="1" height="1">'), ascii('<!-- -->'))],
  ])('%s is judged within 100 ms of work', (_, make) => {
    const bytes = make()
    verdict(bytes)
    const rounds = [0, 1, 2].map(() => cpuMs(() => verdict(bytes)))
    expect(Math.min(...rounds)).toBeLessThan(mostMs)
  })
})
