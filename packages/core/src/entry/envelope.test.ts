import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { brotliCompressSync, crc32, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { CodecError } from '../errors.ts'
import { type Codec, type CodecOptions, resolveCodec } from './codec.ts'
import { maxSyncBytes } from './compression.ts'
import { type CompressionAlgorithm, isAvailable } from './compression-algorithm.ts'
import {
  type DecodedEntry,
  decodeEntry,
  encodeClaim,
  encodeValue,
  encodeVersion,
  restampValue,
  type ValueEntry,
} from './envelope.ts'
import { headOf, peekHead } from './head.ts'
import { maxPayloadBytes } from './limits.ts'

const plain = resolveCodec()
const keyed = (...ids: string[]) =>
  resolveCodec({ integrity: { keys: ids.map((id) => ({ id, secret: canarySecret(id) })) } })
const stamp = '00112233445566778899aabbccddeeff'
const otherStamp = 'ff'.repeat(16)
const key = 'app:user:42'

const entryOf = (value: unknown, more: Partial<ValueEntry> = {}): ValueEntry => ({
  stamp,
  key,
  value,
  storedAt: 1_760_000_000_000,
  staleAt: 1_760_000_300_000,
  expiresAt: 1_760_000_900_000,
  staleWhileRevalidateMs: 300_000,
  staleIfErrorMs: 600_000,
  loadMs: 12.5,
  ...more,
})

function encode(value: unknown, codec: Codec = plain, more: Partial<ValueEntry> = {}): Uint8Array {
  const bytes = encodeValue(entryOf(value, more), codec)
  if (bytes instanceof Promise) throw new Error('expected bytes at once')
  return bytes
}

function decode(bytes: Uint8Array, codec: Codec = plain, asKey = key): DecodedEntry {
  const entry = decodeEntry(bytes, asKey, codec)
  if (entry instanceof Promise) throw new Error('expected an entry at once')
  return entry
}

const reasonOf = (entry: DecodedEntry) => (entry.kind === 'refused' ? entry.reason : entry.kind)

/** Puts a valid checksum under bytes that were changed on purpose. */
function resealed(bytes: Uint8Array, change: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.from(bytes)
  change(buffer)
  buffer.writeUInt32LE(crc32(buffer.subarray(0, -4)), buffer.length - 4)
  return buffer
}

describe('the envelope of a value', () => {
  it('gives back everything that was put in', () => {
    const entry = entryOf(
      { id: 42, at: new Date(5) },
      {
        versions: [
          { scope: 'tag', name: 'users', stamp: otherStamp },
          { scope: 'namespace', name: '', stamp },
          { scope: 'epoch', name: 'app é', stamp: otherStamp },
        ],
        metadata: { etag: '"abc"', ['__proto__']: [1, null] },
      },
    )
    const bytes = encodeValue(entry, plain) as Uint8Array
    expect(decode(bytes)).toEqual({ kind: 'value', bytes: bytes.length, ...entry })
  })

  it('gives back what was put in for 2,000 generated entries', () => {
    const hex = fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((b) => Buffer.from(b).toString('hex'))
    const time = fc.oneof(
      fc.double({ noNaN: true }),
      fc.constant(Number.POSITIVE_INFINITY),
      fc.nat(),
    )
    const name = fc.string({ unit: 'grapheme' })
    const entries = fc.record(
      {
        stamp: hex,
        key: name,
        value: fc
          .jsonValue({ noNullPrototype: true } as object)
          .filter((value) => !Object.is(value, undefined)),
        storedAt: time,
        staleAt: time,
        expiresAt: time,
        staleWhileRevalidateMs: time,
        staleIfErrorMs: time,
        loadMs: time,
        versions: fc.array(
          fc.record(
            { scope: fc.constantFrom('tag', 'namespace', 'epoch'), name, stamp: hex },
            { noNullPrototype: true },
          ),
        ),
        metadata: fc.option(fc.dictionary(name, fc.string(), { noNullPrototype: true }), {
          nil: undefined,
        }),
      },
      { noNullPrototype: true },
    )
    const codecs = fc.constantFrom(
      plain,
      keyed('k1'),
      resolveCodec({ compression: { thresholdBytes: 0 } }),
    )
    fc.assert(
      fc.property(entries, codecs, (entry, codec) => {
        const bytes = encodeValue(entry as ValueEntry, codec) as Uint8Array
        const back = decode(bytes, codec, entry.key)
        return isDeepStrictEqual({ ...back }, { kind: 'value', bytes: bytes.length, ...entry })
      }),
      { numRuns: 2_000 },
    )
  })

  it('says that an entry never expires', () => {
    const forever = { staleAt: Number.POSITIVE_INFINITY, expiresAt: Number.POSITIVE_INFINITY }
    expect(decode(encode(1, plain, forever))).toMatchObject(forever)
  })

  it('begins with the clear head that replace compares', () => {
    const bytes = encode('x')
    expect(Buffer.from(bytes.subarray(0, 17))).toEqual(Buffer.from(headOf('value', stamp)))
    expect(peekHead(bytes)).toEqual({ kind: 'value', encrypted: false, stamp })
  })

  it('costs 110 bytes and its key, and carries bytes as they are', () => {
    const body = Buffer.alloc(1000, 0xfe)
    const bytes = encode(body)
    expect(bytes.length).toBe(89 + key.length + body.length)
    expect(Buffer.from(bytes).includes(body)).toBe(true)
  })

  it('is no larger than the limit allows, and says so otherwise', () => {
    const most = Buffer.alloc(maxPayloadBytes, 1)
    const { value } = decode(encode(most)) as { value: Buffer }
    expect(value.equals(most)).toBe(true)
    expect(() => encode(Buffer.alloc(maxPayloadBytes + 1))).toThrow(CodecError)
    expect(() => encode('é'.repeat(maxPayloadBytes / 2 + 1))).toThrow(
      /at most 8388608 bytes.*it has 8388610/,
    )
    expect(() =>
      encode(most, plain, {
        versions: Array.from({ length: 40_000 }, () => ({
          scope: 'tag',
          name: 'a long name',
          stamp,
        })),
      }),
    ).toThrow(/9437184/)
  })

  it('refuses fields that it could not give back', () => {
    expect(() => encode(1, plain, { staleAt: Number.NaN })).toThrow(/NaN/)
    expect(() => encode(1, plain, { stamp: 'zz' })).toThrow(CodecError)
    expect(() => encode(1, plain, { metadata: { at: new Date(1) as never } })).toThrow(
      /metadata of an entry must be plain JSON/,
    )
    expect(() => encode(1, plain, { metadata: 'x'.repeat(17_000) })).toThrow(
      /at most 16384 bytes; it has 17002/,
    )
    const tooMany = Array.from({ length: 65_536 }, () => ({
      scope: 'tag' as const,
      name: '',
      stamp,
    }))
    expect(() => encode(1, plain, { versions: tooMany })).toThrow(/at most 65535 tags/)
    expect(() =>
      encode(1, plain, { versions: [{ scope: 'tag', name: 'x'.repeat(65_536), stamp }] }),
    ).toThrow(/at most 65535 bytes/)
    expect(() => encode(1, plain, { key: 'x'.repeat(65_536) })).toThrow(/its key within 65535/)
  })
})

describe('bytes that are not what was written', () => {
  const samples = (codec: Codec) => [
    encode({ id: 42, name: 'Ada', roles: ['admin'], at: new Date(1) }, codec, {
      versions: [{ scope: 'tag', name: 'users', stamp: otherStamp }],
      metadata: { etag: 'x' },
    }),
    encode('plain text', codec),
    encode(Buffer.from([1, 2, 3]), codec),
    encode(
      { text: 'compress me '.repeat(20) },
      resolveCodecWith(codec, { compression: { thresholdBytes: 10 } }),
    ),
    encodeClaim({ key, stamp, beat: 7 }, codec),
    encodeVersion({ key, stamp }, codec),
    encodeVersion({ key, stamp, expiries: [{ id: otherStamp, at: 1 }] }, codec),
  ]
  const resolveCodecWith = (codec: Codec, options: CodecOptions): Codec => ({
    ...resolveCodec(options),
    integrity: codec.integrity,
  })

  it.each([
    ['a checksum', plain],
    ['a MAC', keyed('k1')],
  ])(
    'are refused 10,000 times out of 10,000 under %s: flipped, cut, extended, overwritten, swapped',
    (_name, codec) => {
      const originals = samples(codec)
      const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
      const damage = fc.oneof(
        fc.record({ how: fc.constant('flip' as const), place, bit: fc.nat(7) }),
        fc.record({ how: fc.constant('cut' as const), place }),
        fc.record({
          how: fc.constant('extend' as const),
          tail: fc.uint8Array({ minLength: 1, maxLength: 40 }),
        }),
        fc.record({
          how: fc.constant('overwrite' as const),
          place,
          by: fc.uint8Array({ minLength: 1, maxLength: 8 }),
        }),
        fc.record({ how: fc.constant('swap' as const), place, other: place }),
        fc.record({
          how: fc.constant('insert' as const),
          place,
          tail: fc.uint8Array({ minLength: 1, maxLength: 4 }),
        }),
      )
      let tried = 0
      let refused = 0
      fc.assert(
        fc.property(fc.nat(originals.length - 1), damage, (index, change) => {
          const original = Buffer.from(originals[index] as Uint8Array)
          let bytes = Buffer.from(original)
          const at = 'place' in change ? Math.floor(change.place * bytes.length) : 0
          if (change.how === 'flip') bytes[at] = (bytes[at] as number) ^ (1 << change.bit)
          if (change.how === 'cut') bytes = bytes.subarray(0, at)
          if (change.how === 'extend') bytes = Buffer.concat([bytes, change.tail])
          if (change.how === 'overwrite') bytes.set(change.by.subarray(0, bytes.length - at), at)
          if (change.how === 'insert')
            bytes = Buffer.concat([bytes.subarray(0, at), change.tail, bytes.subarray(at)])
          if (change.how === 'swap') {
            const other = Math.floor(change.other * bytes.length)
            const held = bytes[at] as number
            bytes[at] = bytes[other] as number
            bytes[other] = held
          }
          fc.pre(!bytes.equals(original))
          tried++
          if (decode(bytes, codec).kind === 'refused') refused++
          return true
        }),
        { numRuns: 10_000 },
      )
      expect({ tried, refused }).toEqual({ tried: 10_000, refused: 10_000 })
    },
  )

  it('are refused for every single bit of every kind of envelope', () => {
    for (const codec of [plain, keyed('k1')]) {
      for (const original of samples(codec)) {
        for (let bit = 0; bit < original.length * 8; bit++) {
          const bytes = Buffer.from(original)
          bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
          expect(decode(bytes, codec).kind).toBe('refused')
        }
      }
    }
  })

  it('are refused at every length they can be cut to', () => {
    for (const original of samples(plain)) {
      for (let length = 0; length < original.length; length++) {
        expect(decode(original.subarray(0, length)).kind).toBe('refused')
      }
    }
  })

  it('are refused when they were moved to another key, whatever they hold', () => {
    for (const codec of [plain, keyed('k1')]) {
      for (const original of samples(codec)) {
        for (const other of ['app:user:43', 'app:user:4', 'app:user:422', '', 'app:USER:42']) {
          expect(reasonOf(decode(original, codec, other))).toBe('key')
        }
      }
    }
  })

  it('say what is wrong with them', () => {
    const bytes = encode({ a: 1 })
    const flipped = Buffer.from(bytes)
    flipped[40] = (flipped[40] as number) ^ 1
    expect(reasonOf(decode(flipped))).toBe('checksum')
    expect(reasonOf(decode(Buffer.from('{"a":1}')))).toBe('format')
    expect(reasonOf(decode(new Uint8Array(0)))).toBe('format')
    expect(reasonOf(decode(Buffer.alloc(10 * 1024 * 1024, bytes)))).toBe('limit')
    const laterFormat = resealed(bytes, (buffer) => buffer.writeUInt8(0xa1, 0))
    expect(reasonOf(decode(laterFormat))).toBe('format')
    const encrypted = resealed(bytes, (buffer) => buffer.writeUInt8(0x99, 0))
    expect(reasonOf(decode(encrypted))).toBe('encrypted')
  })

  it('are refused, not believed, where the checksum is right and the content is not', () => {
    const bytes = encode({ a: 1 }, plain, {
      versions: [{ scope: 'tag', name: 't', stamp }],
      metadata: { m: 1 },
    })
    const body = 21 + key.length
    const reasonAfter = (change: (buffer: Buffer) => void) =>
      reasonOf(decode(resealed(bytes, change)))
    expect(reasonAfter(() => {})).toBe('value')
    expect(reasonAfter((b) => b.writeUInt8(2, 17))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt8(200, 18))).not.toBe('value')
    expect(reasonAfter((b) => b.writeUInt16LE(60_000, 19))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt8(9, body))).toBe('serializer')
    expect(reasonAfter((b) => b.writeUInt8(payloadKindOf('tagged'), body))).toBe('serializer')
    expect(reasonAfter((b) => b.writeUInt8(payloadKindOf('custom'), body))).toBe('serializer')
    expect(reasonAfter((b) => b.writeUInt8(1, body + 2))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt8(3, body + 3))).not.toBe('value')
    expect(reasonAfter((b) => b.writeDoubleLE(Number.NaN, body + 12))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt32LE(6, body + 52))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt32LE(0xffffffff, body + 52))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt32LE(6, body + 56))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt32LE(0xffffffff, body + 56))).toBe('limit')
    expect(reasonAfter((b) => b.writeUInt16LE(1, body + 60))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt16LE(2, body + 62))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt16LE(0xffff, body + 62))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt8(7, body + 64))).toBe('format')
    expect(reasonAfter((b) => b.writeUInt16LE(0xffff, body + 65))).toBe('format')
    for (const kind of [0x92, 0x93, 0x94]) {
      expect(reasonAfter((b) => b.writeUInt8(kind, 0))).toBe('format')
    }
  })
  const payloadKindOf = (kind: 'tagged' | 'custom') => (kind === 'tagged' ? 4 : 5)

  it('never make reading throw, for 10,000 random bodies under a right checksum', () => {
    const start = Buffer.from(encode(1)).subarray(0, 21 + key.length)
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0x91, 0x92, 0x94),
        (body, first) => {
          const bytes = resealed(Buffer.concat([start, body, Buffer.alloc(4)]), (b) =>
            b.writeUInt8(first, 0),
          )
          return typeof decode(bytes).kind === 'string'
        },
      ),
      { numRuns: 10_000 },
    )
  })
})

describe('compression', () => {
  const algorithms = (['gzip', 'brotli', 'zstd'] as const).filter(isAvailable)
  const codecOf = (algorithm: CompressionAlgorithm, thresholdBytes = 100) =>
    resolveCodec({ compression: { algorithm, thresholdBytes } })
  const rows = (count: number) =>
    Array.from({ length: count }, (_, id) => ({ id, name: `user ${(id * 7919) % 1009}` }))

  it.each(algorithms)(
    'by %s makes entries smaller and gives them back, whatever the reader is set to',
    (algorithm) => {
      const value = rows(200)
      const bytes = encode(value, codecOf(algorithm))
      expect(bytes.length).toBeLessThan(encode(value).length / 2)
      for (const reader of [plain, ...algorithms.map((other) => codecOf(other))]) {
        expect(decode(bytes, reader)).toMatchObject({ kind: 'value', value })
      }
    },
  )

  it.each(algorithms)(
    'by %s is done on another thread above 64 KiB, and only there',
    async (algorithm) => {
      const small = 'ab1'.repeat(maxSyncBytes / 3).slice(0, maxSyncBytes)
      const codec = codecOf(algorithm)
      const noise = (length: number) => {
        let text = ''
        for (let i = 0; text.length < length; i++)
          text += createHash('sha256').update(String(i)).digest('hex')
        return text.slice(0, length)
      }
      expect(encodeValue(entryOf(noise(maxSyncBytes)), codec)).toBeInstanceOf(Uint8Array)
      expect(decodeEntry(encode(noise(maxSyncBytes), codec), key, codec)).not.toBeInstanceOf(
        Promise,
      )
      expect(encodeValue(entryOf(small), codec)).toBeInstanceOf(Uint8Array)
      const large = noise(maxSyncBytes + 1)
      const encoding = encodeValue(entryOf(large), codec)
      expect(encoding).toBeInstanceOf(Promise)
      const bytes = await encoding
      expect(bytes.length).toBeLessThan(large.length)
      const decoding = decodeEntry(bytes, key, codec)
      expect(decoding).toBeInstanceOf(Promise)
      expect(await decoding).toMatchObject({ kind: 'value', value: large })
    },
  )

  it('leaves alone what is small, and what does not get smaller', () => {
    const codec = codecOf('gzip', 1000)
    expect(encode('x'.repeat(999), codec).length).toBe(encode('x'.repeat(999)).length)
    const noise = createHash('sha512').update('noise').digest()
    expect(encode(noise, codecOf('gzip', 1)).length).toBe(encode(noise).length)
    expect(decode(encode('', codecOf('gzip', 0)))).toMatchObject({ value: '' })
  })

  it('stores whole what would inflate more than a hundredfold, so that it can be read again', () => {
    const value = 'x'.repeat(60_000)
    const bytes = encode(value, codecOf('gzip'))
    expect(bytes.length).toBeGreaterThan(60_000)
    expect(decode(bytes)).toMatchObject({ kind: 'value', value })
  })

  it('works on the bytes as they were when the value was handed over', async () => {
    const body = Buffer.alloc(300_000)
    for (let i = 0; i < body.length; i++) body[i] = (i * i) >> 8
    const before = Buffer.from(body)
    const encoding = encodeValue(entryOf(body), codecOf('gzip'))
    body.fill(0)
    const entry = await decodeEntry(await encoding, key, plain)
    expect(entry.kind === 'value' && before.equals(entry.value as Buffer)).toBe(true)
  })

  const bombs: [string, number, Buffer][] = [
    ['gzip, 8 MiB of zeros said to be 8 MiB', 1, gzipSync(Buffer.alloc(maxPayloadBytes))],
    ['gzip, 200 MiB', 1, gzipSync(Buffer.alloc(200 * 1024 * 1024))],
    [
      'brotli, 200 MiB',
      2,
      brotliCompressSync(Buffer.alloc(200 * 1024 * 1024), { params: { 1: 5 } }),
    ],
  ]
  it.each(bombs)('refuses a bomb: %s', async (_name, code, bomb) => {
    for (const announced of [
      maxPayloadBytes,
      maxPayloadBytes + 1,
      0xffffffff,
      bomb.length * 100,
      60_000,
      1,
      0,
    ]) {
      const bytes = bombOf(bomb, code, Math.min(announced, 0xffffffff))
      // Unpacked, a bomb takes hundreds of milliseconds and megabytes: the bounds lie far below that, and far above
      // what a refusal takes on a busy machine. The best of three, as other work can only make it look worse.
      const costs = []
      for (let attempt = 0; attempt < 3; attempt++) {
        const memory = process.memoryUsage().rss
        const start = performance.now()
        const entry = await decodeEntry(bytes, key, plain)
        costs.push({ ms: performance.now() - start, rss: process.memoryUsage().rss - memory })
        expect(['limit', 'compression', 'serializer']).toContain(reasonOf(entry))
      }
      expect(Math.min(...costs.map(({ ms }) => ms))).toBeLessThan(100)
      expect(Math.min(...costs.map(({ rss }) => rss))).toBeLessThan(20 * 1024 * 1024)
    }
  })

  function bombOf(payload: Buffer, code: number, announced: number): Buffer {
    const small = Buffer.from(encode(''))
    const body = 21 + key.length
    const bytes = Buffer.concat([small.subarray(0, -4), payload, Buffer.alloc(4)])
    return resealed(bytes, (buffer) => {
      buffer.writeUInt8(code, body + 1)
      buffer.writeUInt32LE(payload.length, body + 52)
      buffer.writeUInt32LE(announced, body + 56)
    })
  }

  it('is refused where the announced length is not the real one, or the algorithm is unknown', () => {
    const real = Buffer.from('hello hello hello hello hello')
    expect(reasonOf(decode(bombOf(gzipSync(real), 1, real.length)))).toBe('value')
    expect(reasonOf(decode(bombOf(gzipSync(real), 1, real.length - 1)))).toBe('compression')
    expect(reasonOf(decode(bombOf(gzipSync(real), 1, real.length + 1)))).toBe('compression')
    expect(reasonOf(decode(bombOf(gzipSync(real), 2, real.length)))).toBe('compression')
    expect(reasonOf(decode(bombOf(gzipSync(real), 9, real.length)))).toBe('compression')
  })

  it('is refused later, and never rejects, where a large payload is damaged', async () => {
    const noise = gzipSync(Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i) >> 8)))
    const damaged = Buffer.from(noise)
    damaged.fill(0xaa, 5_000, 5_100)
    expect(await decodeEntry(bombOf(damaged, 1, 100_000), key, plain)).toEqual({
      kind: 'refused',
      reason: 'compression',
    })
  })
})

describe('integrity by HMAC', () => {
  it('accepts what any of the keys sealed, and writes with the first', () => {
    const old = encode({ a: 1 }, keyed('k1'))
    expect(decode(old, keyed('k2', 'k1'))).toMatchObject({ value: { a: 1 } })
    const fresh = encode({ a: 1 }, keyed('k2', 'k1'))
    expect(decode(fresh, keyed('k2'))).toMatchObject({ value: { a: 1 } })
    expect(reasonOf(decode(fresh, keyed('k1')))).toBe('mac')
  })

  it('refuses another secret under the same id', () => {
    const other = resolveCodec({
      integrity: { keys: [{ id: 'k1', secret: canarySecret('another') }] },
    })
    expect(reasonOf(decode(encode(1, other), keyed('k1')))).toBe('mac')
  })

  it('refuses what has only a checksum, however right, and without keys what has a MAC', () => {
    for (const bytes of [
      encode(1),
      encodeClaim({ key, stamp, beat: 1 }, plain),
      encodeVersion({ key, stamp }, plain),
    ]) {
      expect(reasonOf(decode(bytes, keyed('k1')))).toBe('mac')
    }
    expect(reasonOf(decode(encode(1, keyed('k1'))))).toBe('mac')
  })

  it('refuses an altered entry whose checksum was computed anew', () => {
    const forged = resealed(encode({ role: 'user!' }), (buffer) =>
      buffer.write('admin', buffer.indexOf('user!')),
    )
    expect(decode(forged)).toMatchObject({ value: { role: 'admin' } })
    expect(reasonOf(decode(forged, keyed('k1')))).toBe('mac')
  })
})

describe('claims and versions', () => {
  it('carry a stamp and, for claims, a beat', () => {
    for (const codec of [plain, keyed('k1')]) {
      expect(decode(encodeClaim({ key, stamp, beat: 7 }, codec), codec)).toEqual({
        kind: 'claim',
        stamp,
        beat: 7,
      })
      expect(decode(encodeClaim({ key, stamp, beat: 7, failed: true }, codec), codec)).toEqual({
        kind: 'failed-claim',
        stamp,
        beat: 7,
      })
      expect(decode(encodeVersion({ key, stamp }, codec), codec)).toEqual({
        kind: 'version',
        stamp,
      })
    }
  })

  it('carry when a tag was expired, up to eight times, and refuse what is no such list', () => {
    const expiries = Array.from({ length: 8 }, (_, index) => ({
      id: index.toString(16).repeat(32),
      at: 1_767_225_600_000 + index,
    }))
    for (const codec of [plain, keyed('k1')]) {
      for (const some of [expiries, expiries.slice(3, 4)]) {
        const bytes = encodeVersion({ key, stamp, expiries: some }, codec)
        expect(decode(bytes, codec)).toEqual({ kind: 'version', stamp, expiries: some })
        expect(bytes.subarray(0, 17)).toEqual(encodeVersion({ key, stamp }, codec).subarray(0, 17))
      }
    }
    const longer = encodeVersion({ key, stamp, expiries: [...expiries, ...expiries] }, plain)
    expect(reasonOf(decode(longer))).toBe('format')
    const noInstant = encodeVersion({ key, stamp, expiries: [{ id: stamp, at: NaN }] }, plain)
    expect(reasonOf(decode(noInstant))).toBe('format')
    const odd = encodeClaim({ key, stamp, beat: 7 }, plain)
    odd[0] = encodeVersion({ key, stamp }, plain)[0] as number
    expect(reasonOf(decode(resealed(odd, () => {})))).toBe('format')
    expect(() => encodeVersion({ key, stamp, expiries: [{ id: 'short', at: 1 }] }, plain)).toThrow(
      CodecError,
    )
  })

  it('keep their length from beat to beat, and begin with a head that stays', () => {
    const beats = [0, 1, 255, 2 ** 32 - 1, 2 ** 32].map((beat) =>
      encodeClaim({ key, stamp, beat }, plain),
    )
    for (const bytes of beats) {
      expect(bytes.length).toBe(29 + key.length)
      expect(Buffer.from(bytes.subarray(0, 17))).toEqual(Buffer.from(headOf('claim', stamp)))
    }
    expect(decode(beats[4] as Uint8Array)).toMatchObject({ beat: 0 })
  })
})

describe('a new stamp for a stored value', () => {
  it('changes stamp and times and leaves the value as it was stored, compressed or not', () => {
    const value = { text: 'again and again '.repeat(100) }
    for (const codec of [
      plain,
      resolveCodec({ compression: { thresholdBytes: 10 } }),
      keyed('k1'),
    ]) {
      const bytes = encode(value, codec, {
        metadata: { m: 1 },
        versions: [{ scope: 'tag', name: 't', stamp }],
      })
      const changed = restampValue(
        bytes,
        { key, stamp: otherStamp, staleAt: 5, versions: [] },
        codec,
      )
      expect(changed).toBeInstanceOf(Uint8Array)
      expect(decode(changed as Uint8Array, codec)).toEqual({
        ...decode(bytes, codec),
        stamp: otherStamp,
        staleAt: 5,
        versions: [],
        bytes: (changed as Uint8Array).length,
      })
    }
  })

  it('writes with the newest key and takes over what a serializer of another process wrote', () => {
    const codec = resolveCodec({
      serializer: {
        name: 'own',
        serialize: () => Buffer.from('1'),
        deserialize: () => ({ own: true }),
      },
    })
    const bytes = encode({ any: 1 }, codec)
    expect(reasonOf(decode(bytes))).toBe('serializer')
    const changed = restampValue(bytes, { key, stamp: otherStamp }, plain) as Uint8Array
    expect(decode(changed, codec)).toMatchObject({ value: { own: true }, stamp: otherStamp })
    const rotated = restampValue(
      encode(1, keyed('a')),
      { key, stamp },
      keyed('bb', 'a'),
    ) as Uint8Array
    expect(decode(rotated, keyed('bb'))).toMatchObject({ value: 1 })
  })

  it('is refused for anything but a valid value of this key', () => {
    const bytes = Buffer.from(encode(1))
    expect(restampValue(bytes, { key: 'other', stamp }, plain)).toEqual({
      kind: 'refused',
      reason: 'key',
    })
    expect(
      restampValue(encodeClaim({ key, stamp, beat: 1 }, plain), { key, stamp }, plain),
    ).toEqual({ kind: 'refused', reason: 'format' })
    bytes[30] = (bytes[30] as number) ^ 1
    expect(restampValue(bytes, { key, stamp }, plain)).toEqual({
      kind: 'refused',
      reason: 'checksum',
    })
    expect(() => restampValue(encode(1), { key, stamp: 'bad' }, plain)).toThrow(CodecError)
  })
})

describe('a serializer of your own', () => {
  const own = (name: string, deserialize: (bytes: Uint8Array) => unknown = () => 'read') =>
    resolveCodec({ serializer: { name, serialize: () => Buffer.from('written'), deserialize } })

  it('is known by its name: entries of another one are misses, entries of the built-in one are read', () => {
    const bytes = encode({ a: 1 }, own('v1'))
    expect(decode(bytes, own('v1'))).toMatchObject({ value: 'read' })
    expect(reasonOf(decode(bytes, own('v2')))).toBe('serializer')
    expect(reasonOf(decode(bytes))).toBe('serializer')
    expect(decode(encode({ a: 1 }), own('v1'))).toMatchObject({ value: { a: 1 } })
  })

  it('that throws while reading, or reads undefined, makes a miss', () => {
    const bytes = encode({ a: 1 }, own('v1'))
    const throwing = own('v1', () => {
      throw new Error('cannot')
    })
    expect(reasonOf(decode(bytes, throwing))).toBe('serializer')
    expect(
      reasonOf(
        decode(
          bytes,
          own('v1', () => undefined),
        ),
      ),
    ).toBe('serializer')
  })
})
