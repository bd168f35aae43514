import { type Clock, InvalidOptionError } from '@holdfast/core'

export interface DiskStoreOptions {
  /** The folder; made, readable by this user alone, if it does not exist. It may hold files of others. */
  readonly directory: string
  /** Bytes of all files together. The largest value may take half of it, and at most 64 MiB. */
  readonly maxBytes: number
  /** Default 1,000,000. */
  readonly maxEntries?: number | undefined
  /** Source of time. Default: the machine's. */
  readonly clock?: Clock | undefined
}

export interface DiskSettings {
  readonly directory: string
  readonly maxBytes: number
  readonly maxEntries: number
  readonly maxValueBytes: number
  readonly clock: Clock | undefined
}

const known = ['directory', 'maxBytes', 'maxEntries', 'clock']
const mostValueBytes = 64 * 1024 * 1024

/** @throws InvalidOptionError */
export function readDiskOptions(options: DiskStoreOptions): DiskSettings {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError(
      'diskStore(options) must be an object with directory and maxBytes; it was none',
    )
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new InvalidOptionError(
      `diskStore has no option '${unknown.slice(0, 40)}'; it has ${known.join(', ')}`,
    )
  }
  const { directory, maxBytes, maxEntries = 1_000_000, clock } = options
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new InvalidOptionError('diskStore: directory must be the path of a folder')
  }
  return {
    directory,
    maxBytes: count('maxBytes', maxBytes),
    maxEntries: count('maxEntries', maxEntries),
    maxValueBytes: Math.min(Math.floor(maxBytes / 2), mostValueBytes),
    clock,
  }
}

function count(option: string, value: unknown): number {
  if (value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 1)) {
    return value as number
  }
  throw new InvalidOptionError(
    `diskStore: ${option} must be a whole number from 1, or Infinity; it was ${typeof value === 'number' ? value : `of type ${typeof value}`}`,
  )
}
