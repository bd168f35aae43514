import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { canary, canarySecret } from '../../../../lab/src/canary.ts'
import { InvalidOptionError } from '../errors.ts'
import { type CodecOptions, codecDefaults, resolveCodec } from './codec.ts'
import { isAvailable } from './compression-algorithm.ts'

const secret = canarySecret('codec')
const serializer = { name: 'own', serialize: () => new Uint8Array(), deserialize: () => 1 }

describe('codec options', () => {
  it('default to the built-in serializer, no compression and a checksum', () => {
    expect(resolveCodec()).toEqual({
      serializer: undefined,
      compression: undefined,
      integrity: undefined,
    })
    expect(resolveCodec({ compression: {} }).compression).toEqual(codecDefaults)
  })

  it.each<[string, unknown, RegExp]>([
    ['no object', null, /^codec must be an object of options; it was null/],
    ['an unknown name', { serialiser: 1 }, /did you mean 'serializer'/],
    [
      'a serializer without a name',
      { serializer: { ...serializer, name: '' } },
      /codec\.serializer\.name must be a non-empty, well-formed string of at most 64 bytes/,
    ],
    [
      'a serializer with too long a name',
      { serializer: { ...serializer, name: 'é'.repeat(33) } },
      /a string of length 33 and 66 bytes/,
    ],
    [
      'a serializer that cannot read',
      { serializer: { ...serializer, deserialize: 1 } },
      /codec\.serializer\.deserialize must be a function/,
    ],
    [
      'an unknown algorithm',
      { compression: { algorithm: 'lz4' } },
      /algorithm must be one of 'gzip', 'brotli', 'zstd'/,
    ],
    [
      'a threshold that is no number',
      { compression: { thresholdBytes: '1kb' } },
      /thresholdBytes must be a whole number from 0 on, or Infinity; it was of type string/,
    ],
    ['a negative threshold', { compression: { thresholdBytes: -1 } }, /it was -1/],
    [
      'a misspelt threshold',
      { compression: { thresholdByte: 1 } },
      /did you mean 'thresholdBytes'/,
    ],
    [
      'keys that are no array',
      { integrity: { keys: { id: 'a', secret } } },
      /keys must be an array/,
    ],
    ['no keys', { integrity: { keys: [] } }, /at least one key/],
    [
      'a key without id',
      { integrity: { keys: [{ secret }] } },
      /codec\.integrity\.keys\[0\]\.id must be/,
    ],
    [
      'a key id twice',
      {
        integrity: {
          keys: [
            { id: 'a', secret },
            { id: 'a', secret },
          ],
        },
      },
      /keys\[1\]\.id must be unlike the ids before it; it was there twice/,
    ],
    [
      'a short secret',
      { integrity: { keys: [{ id: 'a', secret: 'short' }] } },
      /secret must be .*at least 32 bytes; it was of 5 bytes/,
    ],
    [
      'a secret that is no text or bytes',
      { integrity: { keys: [{ id: 'a', secret: 12345 }] } },
      /must be a string or a Uint8Array of at least 32 bytes; it was of type number/,
    ],
  ])('refuse %s', (_name, options, message) => {
    expect(() => resolveCodec(options as CodecOptions)).toThrow(InvalidOptionError)
    expect(() => resolveCodec(options as CodecOptions)).toThrow(message)
  })

  it('never show a secret, in a message or when inspected', () => {
    const short = canary
    expect(() => resolveCodec({ integrity: { keys: [{ id: 'a', secret: short }] } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(short) }),
    )
    const codec = resolveCodec({ integrity: { keys: [{ id: 'a', secret }] } })
    expect(inspect(codec, { depth: 9, showHidden: true })).not.toContain(secret)
    expect(JSON.stringify(codec)).not.toContain(secret)
  })

  it('accept zstd exactly where this Node has it', () => {
    const resolve = () => resolveCodec({ compression: { algorithm: 'zstd' } })
    if (isAvailable('zstd')) expect(resolve().compression?.algorithm).toBe('zstd')
    else expect(resolve).toThrow(/needs Node 22\.15/)
  })

  it('are copied: a later change to what was handed in changes nothing', () => {
    const bytes = Buffer.alloc(32, 1)
    const keys = [{ id: 'a', secret: bytes }]
    const codec = resolveCodec({ integrity: { keys } })
    const before = codec.integrity?.writer.secret.export()
    bytes.fill(2)
    keys.length = 0
    expect(codec.integrity?.writer.secret.export()).toEqual(before)
    expect(codec.integrity?.keys.size).toBe(1)
  })
})
