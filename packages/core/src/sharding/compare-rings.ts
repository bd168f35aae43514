import { InvalidOptionError } from '../errors.ts'
import { avalanche } from './hashes/murmur3.ts'
import type { Ring } from './ring.ts'

/** What changes for one server, as shares of all keys from 0 to 1. */
export interface ServerComparison {
  readonly before: number
  readonly after: number
  /** Keys that come to the server from others. */
  readonly gained: number
  /** Keys that leave the server for others. */
  readonly lost: number
}

export interface RingComparison {
  /** The share of keys, from 0 to 1, that are on another server afterwards. */
  readonly moved: number
  /** By server name, those of both rings; a server is the same if its name is. */
  readonly perServer: Record<string, ServerComparison>
}

const sampleSize = 100_000

/**
 * Counts what moves from one ring to another: for the keys given, or for a fixed sample of 100,000 random-looking
 * ones, which is exact to about 0.3 percentage points.
 * @throws InvalidOptionError if a ring is none or places keys by chance, or if there are no keys.
 */
export function compareRings(
  before: Ring,
  after: Ring,
  keys: Iterable<string | Uint8Array> = sampleKeys(sampleSize),
): RingComparison {
  for (const ring of [before, after]) {
    if (typeof ring?.locate !== 'function' || !Array.isArray(ring.servers)) {
      throw new InvalidOptionError('compareRings needs two rings of createRing')
    }
    if (ring.distribution === 'random') {
      throw new InvalidOptionError(
        "compareRings cannot compare a ring whose distribution is 'random': it has no place for a key",
      )
    }
  }
  // A text is iterable, too, and its letters are hardly the keys that are meant.
  if (typeof keys !== 'object' || keys === null || !(Symbol.iterator in keys)) {
    throw new InvalidOptionError(
      'compareRings needs keys as an array or another iterable; leave them out for a sample',
    )
  }
  const tally = new Map<string, { before: number; after: number; gained: number; lost: number }>()
  for (const { name } of [...before.servers, ...after.servers]) {
    tally.set(name, { before: 0, after: 0, gained: 0, lost: 0 })
  }

  let count = 0
  let moved = 0
  for (const key of keys) {
    const from = before.locate(key)
    const to = after.locate(key)
    tally.get(from)!.before++
    tally.get(to)!.after++
    count++
    if (from === to) continue
    moved++
    tally.get(from)!.lost++
    tally.get(to)!.gained++
  }
  if (count === 0) throw new InvalidOptionError('compareRings needs at least one key')

  const share = (keysCounted: number) => keysCounted / count
  return {
    moved: share(moved),
    // Not assigned one by one: a server may be called `__proto__`.
    perServer: Object.fromEntries(
      Array.from(tally, ([name, counts]) => [
        name,
        {
          before: share(counts.before),
          after: share(counts.after),
          gained: share(counts.gained),
          lost: share(counts.lost),
        },
      ]),
    ),
  }
}

/** Keys without a pattern, always the same: 16 hexadecimal digits each. */
export function* sampleKeys(count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield hex(avalanche(i)) + hex(avalanche(~i))
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
