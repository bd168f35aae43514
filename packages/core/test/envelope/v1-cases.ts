import type { CodecOptions } from '../../src/entry/codec.ts'
import type { Serializer } from '../../src/entry/serializer.ts'
import type { ValueFields } from '../../src/entry/value-body.ts'

/**
 * What the fixtures of format 1 hold. Frozen with them: a change here, or a fixture that no longer reads as this, means
 * that entries of an older release would no longer be read.
 */
export interface FixtureCase {
  readonly name: string
  readonly key: string
  readonly options?: CodecOptions
  readonly entry:
    | ({ readonly kind: 'value'; readonly value: unknown } & Omit<ValueFields, 'key'>)
    | { readonly kind: 'claim' | 'failed-claim'; readonly stamp: string; readonly beat: number }
    | {
        readonly kind: 'version'
        readonly stamp: string
        readonly expiries?: readonly { readonly id: string; readonly at: number }[]
      }
}

const stamp = '000102030405060708090a0b0c0d0e0f'
const otherStamp = 'fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0'

const times = {
  stamp,
  storedAt: 1_760_000_000_000,
  staleAt: 1_760_000_300_000,
  expiresAt: 1_760_000_900_000,
  staleWhileRevalidateMs: 300_000,
  staleIfErrorMs: 600_000,
  loadMs: 12.5,
  versions: [],
  metadata: undefined,
}

const rows = Array.from({ length: 40 }, (_, id) => ({
  id,
  name: `user ${id}`,
  active: id % 3 === 0,
}))

/** Not secret: it stands in the index of the fixtures. */
export const fixtureSecret = 'the secret of the fixtures, 32 B+'
const integrity = { keys: [{ id: 'fixture-key', secret: fixtureSecret }] }

export const fixtureSerializer: Serializer = {
  name: 'fixture-points',
  serialize: (value) => {
    const { x, y } = value as { x: number; y: number }
    return Buffer.from(`${x},${y}`)
  },
  deserialize: (bytes) => {
    const [x, y] = Buffer.from(bytes).toString('utf8').split(',').map(Number)
    return { x, y }
  },
}

const value = (kept: unknown, more: Partial<ValueFields> = {}): FixtureCase['entry'] => ({
  kind: 'value',
  value: kept,
  ...times,
  ...more,
})

export const v1Cases: readonly FixtureCase[] = [
  {
    name: 'json',
    key: 'app:user:42',
    entry: value({
      id: 42,
      name: 'Ada ÿ €',
      tags: ['a', null, true, 1.5e300],
      nested: { '~tilde': '~' },
    }),
  },
  { name: 'null', key: 'app:missing', entry: value(null) },
  { name: 'text', key: 'app:text', entry: value('plain text, ü, 𝄞') },
  { name: 'empty-text', key: 'app:empty', entry: value('') },
  { name: 'bytes', key: 'app:bytes', entry: value(new Uint8Array([0, 1, 2, 0xfe, 0xff])) },
  { name: 'buffer', key: 'app:buffer', entry: value(Buffer.from('a buffer')) },
  {
    name: 'tagged',
    key: 'app:row:1',
    entry: value({
      at: new Date(1_759_999_999_123),
      never: new Date(8_640_000_000_000_000),
      big: [-255n, 0n, 2n ** 80n],
      numbers: [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      map: new Map<unknown, unknown>([
        ['~key', new Set([1, 'two'])],
        [{ an: 'object' }, undefined],
      ]),
      // biome-ignore lint/suspicious/noSparseArray: a hole is one of the things kept
      list: [undefined, , '~M', '~~'],
      pattern: /a\/b[c]/giu,
      bare: Object.assign(Object.create(null) as object, { '~x': 1 }),
      body: Buffer.from([0xde, 0xad, 0xbe, 0xef]),
      floats: new Float64Array([1.5, -0]),
      shorts: new Int16Array([-1, 256]),
      longs: new BigUint64Array([2n ** 63n]),
      memory: new Uint8Array([7, 8]).buffer,
    }),
  },
  {
    name: 'versions-and-metadata',
    key: 'app:page:/é',
    entry: value([1, 2, 3], {
      versions: [
        { scope: 'namespace', name: 'app', stamp },
        { scope: 'epoch', name: 'app', stamp: otherStamp },
        { scope: 'tag', name: 'products:ü', stamp: otherStamp },
      ],
      metadata: { etag: '"abc"', sizes: [1, 2], inner: { ok: true } },
    }),
  },
  {
    name: 'under-an-expired-tag',
    key: 'app:product:7',
    entry: value('seven', {
      versions: [
        { scope: 'namespace', name: '0', stamp },
        { scope: 'tag', name: '0:products', stamp: otherStamp },
        { scope: 'expiry', name: '0:products', stamp },
      ],
    }),
  },
  {
    name: 'never-expires',
    key: 'app:forever',
    entry: value('kept', {
      staleAt: Number.POSITIVE_INFINITY,
      expiresAt: Number.POSITIVE_INFINITY,
    }),
  },
  {
    name: 'gzip',
    key: 'app:rows',
    options: { compression: { algorithm: 'gzip', thresholdBytes: 100 } },
    entry: value(rows),
  },
  {
    name: 'brotli',
    key: 'app:rows',
    options: { compression: { algorithm: 'brotli', thresholdBytes: 100 } },
    entry: value(rows),
  },
  {
    name: 'zstd',
    key: 'app:rows',
    options: { compression: { algorithm: 'zstd', thresholdBytes: 100 } },
    entry: value(rows),
  },
  { name: 'hmac', key: 'app:signed', options: { integrity }, entry: value({ role: 'admin' }) },
  {
    name: 'custom-serializer',
    key: 'app:point',
    options: { serializer: fixtureSerializer },
    entry: value({ x: 3, y: -4 }),
  },
  { name: 'claim', key: 'app:cold', entry: { kind: 'claim', stamp, beat: 7 } },
  {
    name: 'claim-hmac',
    key: 'app:cold',
    options: { integrity },
    entry: { kind: 'claim', stamp, beat: 4_294_967_295 },
  },
  { name: 'failed-claim', key: 'app:cold', entry: { kind: 'failed-claim', stamp, beat: 8 } },
  { name: 'version', key: 'app:tag:products', entry: { kind: 'version', stamp: otherStamp } },
  {
    name: 'version-of-an-expired-tag',
    key: 'app:/%t/products',
    entry: {
      kind: 'version',
      stamp: otherStamp,
      expiries: [
        { id: stamp, at: 1_767_225_600_000 },
        { id: otherStamp, at: 1_767_225_600_250.5 },
      ],
    },
  },
]
