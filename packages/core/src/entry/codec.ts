import { createSecretKey } from 'node:crypto'
import { describeKind, unmet } from '../options/expectation.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { type OptionTable, optionsReader, readOptions } from '../options/option-table.ts'
import {
  type Reader,
  readCount,
  readFunction,
  readObject,
  readOneOf,
  readText,
} from '../options/readers.ts'
import { type CompressionAlgorithm, isAvailable } from './compression-algorithm.ts'
import type { Integrity, IntegrityKey } from './integrity.ts'
import type { Serializer } from './serializer.ts'

/** How values become bytes for the far tier, and what vouches for those bytes. */
export interface CodecOptions {
  /** Writes and reads every value instead of the built-in serializer, which keeps plain data and the built-in types. */
  readonly serializer?: Serializer | undefined
  /** Default: none. Entries are read whatever this says, so it can be changed at any time. */
  readonly compression?: CompressionOptions | undefined
  /** Default: a CRC-32, which finds damage but not intent. With keys, entries without a valid HMAC are misses. */
  readonly integrity?: IntegrityOptions | undefined
}

export interface CompressionOptions {
  /** Smaller payloads are stored as they are. A whole number of bytes. Default 4096. */
  readonly thresholdBytes?: number | undefined
  /** Default `'gzip'`. `'zstd'` where node:zlib has it. */
  readonly algorithm?: CompressionAlgorithm | undefined
}

export interface IntegrityOptions {
  /** The first key writes, all of them read: to rotate, put the new key first and drop the old one a ttl later. */
  readonly keys: readonly {
    /** Stands in clear in every entry. 1 to 64 bytes of UTF-8. */
    readonly id: string
    /** At least 32 bytes (RFC 2104, section 3); of a string, in UTF-8. */
    readonly secret: string | Uint8Array
  }[]
}

export interface Compression {
  readonly thresholdBytes: number
  readonly algorithm: CompressionAlgorithm
}

/** `CodecOptions`, checked and copied. */
export interface Codec {
  readonly serializer: Serializer | undefined
  readonly compression: Compression | undefined
  readonly integrity: Integrity | undefined
  /** Set for a store that verifies all it hands out: what is there is not damaged, so a CRC-32 would say nothing new. */
  readonly isVerified?: boolean
}

export const codecDefaults = { thresholdBytes: 4096, algorithm: 'gzip' } as const

const minSecretBytes = 32
const readLabel = readText(64)
const readAlgorithm = readOneOf('gzip', 'brotli', 'zstd')

const compressionTable = {
  thresholdBytes: ['thresholdBytes', readCount(0)],
  algorithm: [
    'algorithm',
    (value, option) => {
      const algorithm = readAlgorithm(value, option)
      if (isAvailable(algorithm)) return algorithm
      throw unmet(option, "'gzip' or 'brotli'", value, `'zstd', which needs Node 22.15 or later`)
    },
  ],
} as const satisfies OptionTable<CompressionOptions, Compression>

const codecTable = {
  serializer: ['serializer', readSerializer],
  compression: ['compression', optionsReader<Compression>(compressionTable, codecDefaults)],
  integrity: ['integrity', readIntegrity],
} as const satisfies OptionTable<CodecOptions, Codec>

/** @throws InvalidOptionError for anything in `options` that cannot work. */
export function resolveCodec(options: CodecOptions = {}): Codec {
  const base: Codec = { serializer: undefined, compression: undefined, integrity: undefined }
  return Object.freeze(readOptions(base, options, codecTable, 'codec', 'codec.'))
}

function readSerializer(value: unknown, option: string): Serializer {
  const serializer = readObject(value, option) as Serializer
  readLabel(serializer.name, `${option}.name`)
  readFunction(serializer.serialize, `${option}.serialize`)
  readFunction(serializer.deserialize, `${option}.deserialize`)
  return serializer
}

function readIntegrity(value: unknown, option: string): Integrity {
  const given = readObject(value, option) as Record<string, unknown>
  refuseUnknownNames(given, ['keys'], option)
  const list: unknown = given.keys
  if (!Array.isArray(list) || list.length === 0)
    throw unmet(
      `${option}.keys`,
      'an array of { id, secret } with at least one key',
      list,
      Array.isArray(list) ? 'empty' : undefined,
    )
  const keys = new Map<string, IntegrityKey>()
  for (const [index, item] of list.entries()) {
    const where = `${option}.keys[${index}]`
    const key = readObject(item, where) as Record<string, unknown>
    refuseUnknownNames(key, ['id', 'secret'], where)
    const id = readLabel(key.id, `${where}.id`)
    if (keys.has(id)) throw unmet(`${where}.id`, 'unlike the ids before it', id, 'there twice')
    keys.set(id, {
      id: Buffer.from(id),
      secret: createSecretKey(readSecret(key.secret, `${where}.secret`)),
    })
  }
  const [writer] = keys.values()
  return Object.freeze({ writer: writer!, keys })
}

const readSecret: Reader<Uint8Array> = (secret, option) => {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  const isBytes = bytes instanceof Uint8Array
  if (isBytes && bytes.byteLength >= minSecretBytes) return bytes
  throw unmet(
    option,
    `a string or a Uint8Array of at least ${minSecretBytes} bytes`,
    secret,
    isBytes ? `of ${bytes.byteLength} bytes` : describeKind(secret),
  )
}
