import { InvalidOptionError } from '../errors.ts'
import { plainKetama, weightedKetama } from './ketama.ts'
import { keyHasher } from './key-hasher.ts'
import { modula } from './modula.ts'
import { inNameOrder } from './name-order.ts'
import type { Placement, RingMember } from './placement.ts'
import { pymemcacheScores } from './pymemcache.ts'
import { rendezvous } from './rendezvous.ts'
import {
  type Distribution,
  type ResolvedRing,
  type RingOptions,
  resolveRing,
} from './ring-options.ts'
import { Slots } from './slots.ts'

/** Why a key is where it is. */
export interface RingExplanation {
  /** The part of the key that is hashed: text for a text key, bytes for bytes. */
  readonly hashed: string | Uint8Array
  /** The key's hash, unsigned; `undefined` where chance decides. */
  readonly hash: number | undefined
  /** What the hash was compared with: the ring's point, the slot or the winning score; `undefined` where chance decides. */
  readonly point: number | undefined
  /** The server's name. */
  readonly server: string
}

/** Decides which server a key is on. Immutable, without I/O; keys are bytes, a string stands for its UTF-8. */
export interface Ring {
  readonly distribution: Distribution
  /** The servers keys are dealt among, in the order of the list. */
  readonly servers: readonly { readonly name: string; readonly weight: number }[]
  /** The name of the server the key is on. */
  locate(key: string | Uint8Array): string
  /** The server's position in the list `createRing` was given; `without` does not shift it. */
  locateIndex(key: string | Uint8Array): number
  /**
   * The ring while these servers are out. The default ring, rendezvous and ketama leave every other key where it is;
   * with `compat` the ring is built anew of those that are left, as the system followed does.
   * @throws InvalidOptionError for a name that is not in the ring, or if no server would be left.
   */
  without(names: string | readonly string[]): Ring
  explain(key: string | Uint8Array): RingExplanation
}

/**
 * Builds a ring.
 * @throws InvalidOptionError
 */
export function createRing(options: RingOptions): Ring {
  const resolved = resolveRing(options)
  return ringOf(resolved, resolved.members)
}

function ringOf(resolved: ResolvedRing, live: readonly RingMember[]): Ring {
  const { locateIndex, explain } = locatorOf(resolved, live)
  const { members } = resolved
  return Object.freeze({
    distribution: resolved.distribution,
    servers: Object.freeze(live.map(({ name, weight }) => Object.freeze({ name, weight }))),
    locate: (key: string | Uint8Array) => members[locateIndex(key)]!.name,
    locateIndex,
    without(names: string | readonly string[]) {
      if (typeof names !== 'string' && !Array.isArray(names)) {
        throw new InvalidOptionError(
          `without() needs the name of a server, or an array of names, got ${typeof names}`,
        )
      }
      const gone = new Set<string>(typeof names === 'string' ? [names] : names)
      const left = live.filter(({ name }) => !gone.delete(name))
      const [stranger] = gone
      if (stranger !== undefined) {
        throw new InvalidOptionError(`without() got a name that is not in the ring: '${stranger}'`)
      }
      if (left.length === 0) {
        throw new InvalidOptionError('without() must leave at least one server in the ring')
      }
      return ringOf(resolved, left)
    },
    explain,
  })
}

type Locator = Pick<Ring, 'locateIndex' | 'explain'>

function locatorOf(resolved: ResolvedRing, live: readonly RingMember[]): Locator {
  if (resolved.distribution === 'random') return chance(resolved, live)
  if (resolved.compat === 'pymemcache') {
    const { winner } = pymemcacheScores(live)
    return {
      locateIndex: (key) => winner(key).index,
      explain(key) {
        const { index, score } = winner(key)
        return { hashed: key, hash: score, point: score, server: resolved.members[index]!.name }
      },
    }
  }
  return hashing(resolved, placementOf(resolved, live))
}

function hashing({ keyHash, hashTag, members }: ResolvedRing, placement: Placement): Locator {
  const hasher = keyHasher(keyHash, hashTag)
  return {
    locateIndex: (key) => placement.place(hasher.hash(key)),
    explain(key) {
      const hash = hasher.hash(key)
      return {
        hashed: hasher.hashed(key),
        hash: hash >>> 0,
        point: placement.pointOf(hash),
        server: members[placement.place(hash)]!.name,
      }
    },
  }
}

/** Weights do not count, and a read does not follow its write: as in twemproxy, this is for servers that hold the same. */
function chance({ random, members }: ResolvedRing, live: readonly RingMember[]): Locator {
  const draw = () => live[Math.min(live.length - 1, Math.floor(random() * live.length))]!.index
  return {
    locateIndex: draw,
    explain: (key) => ({
      hashed: key,
      hash: undefined,
      point: undefined,
      server: members[draw()]!.name,
    }),
  }
}

function placementOf(resolved: ResolvedRing, live: readonly RingMember[]): Placement {
  const { compat, distribution, keyHash, members, wellMixed } = resolved
  if (compat === 'libmemcached') {
    // In the order of the list, and without weights but on the weighted ring, which any weight above 1 brings about.
    if (distribution === 'modula') return modula(live.map((member) => ({ ...member, weight: 1 })))
    const weighted = distribution === 'ketama_weighted' || members.some(({ weight }) => weight > 1)
    return weighted ? weightedKetama(live, live) : plainKetama(live, keyHash)
  }
  const ordered = inNameOrder(live, ({ ringName }) => ringName)
  switch (distribution) {
    case 'ketama':
      return weightedKetama(compat === 'twemproxy' ? live : members, ordered)
    case 'modula':
      return modula(ordered)
    case 'rendezvous':
      return rendezvous(ordered)
    default:
      return new Slots(ordered, wellMixed)
  }
}
