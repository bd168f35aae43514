import { createSecretKey } from 'node:crypto'
import { InvalidOptionError } from '../errors.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { type CompressionAlgorithm, isAvailable } from './compression.ts'
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

/** `CodecOptions`, checked and copied. */
export interface Codec {
  readonly serializer: Serializer | undefined
  readonly compression:
    | { readonly thresholdBytes: number; readonly algorithm: CompressionAlgorithm }
    | undefined
  readonly integrity: Integrity | undefined
}

export const codecDefaults = { thresholdBytes: 4096, algorithm: 'gzip' } as const

const minSecretBytes = 32
const maxNameBytes = 64

/** @throws InvalidOptionError for anything in `options` that cannot work. */
export function resolveCodec(options: CodecOptions = {}): Codec {
  requireObject(options, 'codec')
  refuseUnknownNames(options, ['serializer', 'compression', 'integrity'], 'codec')
  return Object.freeze({
    serializer: options.serializer === undefined ? undefined : checkSerializer(options.serializer),
    compression:
      options.compression === undefined ? undefined : resolveCompression(options.compression),
    integrity: options.integrity === undefined ? undefined : resolveIntegrity(options.integrity),
  })
}

function checkSerializer(serializer: Serializer): Serializer {
  requireObject(serializer, 'codec.serializer')
  requireName(serializer.name, 'codec.serializer.name')
  for (const method of ['serialize', 'deserialize'] as const) {
    if (typeof serializer[method] === 'function') continue
    throw new InvalidOptionError(
      `codec.serializer.${method} must be a function; it was ${kindOf(serializer[method])}`,
    )
  }
  return serializer
}

function resolveCompression(options: CompressionOptions): Codec['compression'] {
  requireObject(options, 'codec.compression')
  refuseUnknownNames(options, ['thresholdBytes', 'algorithm'], 'codec.compression')
  const { thresholdBytes, algorithm } = {
    thresholdBytes: options.thresholdBytes ?? codecDefaults.thresholdBytes,
    algorithm: options.algorithm ?? codecDefaults.algorithm,
  }
  if (!Number.isSafeInteger(thresholdBytes) || thresholdBytes < 0) {
    throw new InvalidOptionError(
      `codec.compression.thresholdBytes must be a whole number from 0 on; it was ${kindOf(thresholdBytes)}`,
    )
  }
  if (algorithm !== 'gzip' && algorithm !== 'brotli' && algorithm !== 'zstd') {
    throw new InvalidOptionError(
      `codec.compression.algorithm must be 'gzip', 'brotli' or 'zstd'; it was ${kindOf(algorithm)}`,
    )
  }
  if (!isAvailable(algorithm)) {
    throw new InvalidOptionError(
      `codec.compression.algorithm '${algorithm}' needs Node 22.15 or later; this is ${process.version}. Set it to 'gzip' or 'brotli'`,
    )
  }
  return Object.freeze({ thresholdBytes, algorithm })
}

function resolveIntegrity(options: IntegrityOptions): Integrity {
  requireObject(options, 'codec.integrity')
  refuseUnknownNames(options, ['keys'], 'codec.integrity')
  if (!Array.isArray(options.keys)) {
    throw new InvalidOptionError(
      `codec.integrity.keys must be an array of { id, secret }; it was ${kindOf(options.keys)}`,
    )
  }
  const keys = new Map<string, IntegrityKey>()
  options.keys.forEach((key: IntegrityOptions['keys'][number], index) => {
    const where = `codec.integrity.keys[${index}]`
    requireObject(key, where)
    refuseUnknownNames(key, ['id', 'secret'], where)
    const id = requireName(key.id, `${where}.id`)
    if (keys.has(id)) {
      throw new InvalidOptionError(
        `${where}.id must differ from the ids before it; it is there twice`,
      )
    }
    keys.set(id, { id: Buffer.from(id), secret: createSecretKey(secretBytes(key.secret, where)) })
  })
  const [writer] = keys.values()
  if (writer === undefined) {
    throw new InvalidOptionError('codec.integrity.keys must hold at least one key; it was empty')
  }
  return Object.freeze({ writer, keys })
}

function secretBytes(secret: unknown, where: string): Uint8Array {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (!(bytes instanceof Uint8Array)) {
    throw new InvalidOptionError(
      `${where}.secret must be a string or a Uint8Array; it was ${kindOf(secret)}`,
    )
  }
  if (bytes.byteLength >= minSecretBytes) return bytes
  throw new InvalidOptionError(
    `${where}.secret must have at least ${minSecretBytes} bytes; it has ${bytes.byteLength}`,
  )
}

function requireName(name: unknown, option: string): string {
  if (
    typeof name === 'string' &&
    name !== '' &&
    name.isWellFormed() &&
    Buffer.byteLength(name) <= maxNameBytes
  ) {
    return name
  }
  throw new InvalidOptionError(
    `${option} must be a well-formed string of 1 to ${maxNameBytes} bytes; it was ${typeof name === 'string' ? `a string of ${Buffer.byteLength(name)} bytes` : kindOf(name)}`,
  )
}

function requireObject(value: unknown, option: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  throw new InvalidOptionError(`${option} must be an object; it was ${kindOf(value)}`)
}

/** What came, without the value itself: it may be a secret in the wrong place. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return String(value)
  return value === undefined ? 'undefined' : `of type ${typeof value}`
}
