import { systemClock } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { nearestName, refuseUnknownNames } from '../options/known-names.ts'
import { HalfSip } from './hashes/half-sip.ts'
import type { KeyHash } from './hashes/key-hash.ts'
import { md5Words } from './hashes/md5.ts'
import {
  type CharSign,
  type HashName,
  libmemcachedHashes,
  ownHashes,
  twemproxyHashes,
} from './hashes/named-hashes.ts'
import { poolOnlyNames } from './nutcracker/pool.ts'
import type { RingMember } from './placement.ts'
import { ringMembers } from './ring-members.ts'

/** Another system whose every decision a ring repeats. */
export type Compat = 'twemproxy' | 'libmemcached' | 'pymemcache'

/**
 * How hashes are dealt out among servers. The last three exist with `compat: 'libmemcached'` only and are called as
 * its behaviours are.
 */
export type Distribution =
  | 'slots'
  | 'ketama'
  | 'modula'
  | 'random'
  | 'rendezvous'
  | 'consistent'
  | 'ketama_weighted'
  | 'ketama_spy'

/** One server of a ring. Keys move when its `name` or `weight` changes, not when its address does. */
export interface RingServer {
  /** Unique in the ring. Default: made of `host` and `port`, or of `path`. */
  readonly name?: string | undefined
  /** Share of the keys relative to the others: a whole number from 1 to 2^31-1. Default 1. */
  readonly weight?: number | undefined
  /** Host name or IP address, for the name and for whoever connects. */
  readonly host?: string | undefined
  /** 1 to 65535. */
  readonly port?: number | undefined
  /** Path of a Unix socket. */
  readonly path?: string | undefined
}

export interface RingOptions {
  /** At least one. Their order changes nothing, except in libmemcached's rings. */
  readonly servers: readonly RingServer[]
  /**
   * Default `'slots'`: even, one read a lookup, and keys move only when they must. In a compat mode the default of
   * the system followed: `'ketama'` (twemproxy), `'modula'` (libmemcached), `'rendezvous'` (pymemcache).
   */
  readonly distribution?: Distribution | undefined
  /**
   * The hash of keys. Default: MurmurHash3, or HalfSipHash under `seed`. In a compat mode the default of the system
   * followed: `'fnv1a_64'` (twemproxy), `'md5'` for `'ketama_weighted'` and else `'default'` (libmemcached).
   */
  readonly hash?: HashName | undefined
  /** Two bytes, such as `'{}'`: only the part of a key between them is hashed. Default: none. */
  readonly hashTag?: string | undefined
  /** How the six hashes that read bytes as C `char` see bytes from 0x80 up. Default `'signed'`, as on x86. */
  readonly charSign?: CharSign | undefined
  /** A secret that nobody can craft keys against without knowing it. Not with `hash` or `compat`. Default: none. */
  readonly seed?: string | number | Uint8Array | undefined
  /** Follow another system bit for bit. Default: none. */
  readonly compat?: Compat | undefined
  /** Where `'random'` takes its chance from: a number from 0 (inclusive) to 1 (exclusive). */
  readonly random?: (() => number) | undefined
}

/** What is left to do once the options are known to be good. */
export interface ResolvedRing {
  readonly compat: Compat | undefined
  readonly distribution: Distribution
  readonly members: readonly RingMember[]
  readonly keyHash: KeyHash
  /** False for a hash named by the caller: some of those leave bits unused. */
  readonly wellMixed: boolean
  readonly hashTag: string | undefined
  readonly random: () => number
}

interface Family {
  readonly distributions: readonly Distribution[]
  readonly hashes: Readonly<Partial<Record<HashName, (sign: CharSign) => KeyHash>>>
  readonly hashTags: boolean
}

// The first distribution of each is its default.
const own: Family = {
  distributions: ['slots', 'ketama', 'modula', 'random', 'rendezvous'],
  hashes: ownHashes,
  hashTags: true,
}
const families: Readonly<Record<Compat, Family>> = {
  twemproxy: {
    distributions: ['ketama', 'modula', 'random'],
    hashes: twemproxyHashes,
    hashTags: true,
  },
  libmemcached: {
    distributions: ['modula', 'consistent', 'ketama', 'ketama_weighted', 'ketama_spy', 'random'],
    hashes: libmemcachedHashes,
    hashTags: false,
  },
  pymemcache: {
    distributions: ['rendezvous'],
    hashes: { murmur3: ownHashes.murmur3 },
    hashTags: false,
  },
}

const knownNames = [
  'servers',
  'distribution',
  'hash',
  'hashTag',
  'charSign',
  'seed',
  'compat',
  'random',
]

/** @throws InvalidOptionError naming the option, what it takes and what came. */
export function resolveRing(options: RingOptions): ResolvedRing {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('createRing needs an object with `servers`')
  }
  refuseUnknownNames(options, [...knownNames, ...poolOnlyNames], 'createRing')

  const compat = oneOf('compat', options.compat, Object.keys(families) as Compat[])
  const family = compat === undefined ? own : families[compat]
  const system = compat === undefined ? 'without `compat`' : `with compat '${compat}'`
  const distribution =
    oneOf('distribution', options.distribution, family.distributions, system) ??
    family.distributions[0]!
  const hashNames = Object.keys(family.hashes) as HashName[]
  const hash = oneOf('hash', options.hash, hashNames, system)
  const charSign = oneOf('charSign', options.charSign, ['signed', 'unsigned']) ?? 'signed'
  const hashTag = checkHashTag(options.hashTag)
  if (hashTag !== undefined && !family.hashTags) {
    throw new InvalidOptionError(`hashTag is not possible ${system}, which knows no hash tags`)
  }
  if (options.random !== undefined && typeof options.random !== 'function') {
    throw new InvalidOptionError(`random must be a function, got ${typeof options.random}`)
  }

  const members = ringMembers(options.servers, compat, distribution)
  const shared = {
    compat,
    distribution,
    members,
    hashTag,
    random: options.random ?? systemClock.random,
  }
  if (options.seed !== undefined) {
    if (compat !== undefined || hash !== undefined) {
      throw new InvalidOptionError(
        `seed keys the default hash and cannot be combined with ${compat === undefined ? 'hash' : 'compat'}; leave one of them out`,
      )
    }
    return { ...shared, keyHash: seededHash(options.seed), wellMixed: true }
  }
  const name = hash ?? defaultHash(compat, distribution)
  return { ...shared, keyHash: family.hashes[name]!(charSign), wellMixed: hash === undefined }
}

function defaultHash(compat: Compat | undefined, distribution: Distribution): HashName {
  if (compat === 'twemproxy') return 'fnv1a_64'
  if (compat === 'libmemcached') return distribution === 'ketama_weighted' ? 'md5' : 'default'
  return 'murmur3'
}

function seededHash(seed: string | number | Uint8Array): KeyHash {
  const isNumber = typeof seed === 'number' && Number.isFinite(seed)
  if (!isNumber && typeof seed !== 'string' && !(seed instanceof Uint8Array)) {
    throw new InvalidOptionError(`seed must be a string, a number or bytes, got ${typeof seed}`)
  }
  const bytes = seed instanceof Uint8Array ? seed : new TextEncoder().encode(String(seed))
  if (bytes.length === 0) {
    throw new InvalidOptionError('seed must not be empty; leave it out for a ring without a secret')
  }
  const words = new Int32Array(4)
  md5Words(bytes, 0, bytes.length, words)
  return new HalfSip(words[0]! ^ words[2]!, words[1]! ^ words[3]!)
}

function checkHashTag(hashTag: unknown): string | undefined {
  if (hashTag === undefined) return undefined
  const bytes = typeof hashTag === 'string' ? new TextEncoder().encode(hashTag).length : undefined
  if (bytes === 2) return hashTag as string
  throw new InvalidOptionError(
    `hashTag must be exactly two bytes, such as '{}', got ${bytes === undefined ? typeof hashTag : `${bytes} bytes`}`,
  )
}

function oneOf<T extends string>(
  option: string,
  given: unknown,
  known: readonly T[],
  where = '',
): T | undefined {
  if (given === undefined) return undefined
  const match = known.find((name) => name === given)
  if (match !== undefined) return match
  const nearest = typeof given === 'string' ? nearestName(given, known) : undefined
  throw new InvalidOptionError(
    `${option} must be one of ${known.join(', ')}${where === '' ? '' : ` ${where}`}, got ${
      typeof given === 'string' ? `'${given.slice(0, 40)}'` : typeof given
    }${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`,
  )
}
