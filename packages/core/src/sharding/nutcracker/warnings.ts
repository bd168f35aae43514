import { digestsOf } from '../ketama.ts'
import type { PoolDraft } from './directives.ts'
import type { NutcrackerPool } from './pool.ts'
import type { Mark } from './yaml-cursor.ts'

/** What nutcracker takes without a word and what hurts later, each with its pool, its line and a way out. */
export function poolWarnings(draft: PoolDraft, pool: NutcrackerPool): string[] {
  const warnings: string[] = []
  const warn = (mark: Mark | undefined, text: string) =>
    warnings.push(`pool '${pool.name}', line ${(mark ?? draft.mark).line}: ${text}`)
  const at = (directive: string) => draft.marks.get(directive)
  const several = pool.servers.length > 1

  if (several && pool.hash === 'crc32' && pool.distribution === 'ketama') {
    warn(
      at('hash'),
      "'crc32' makes hashes of 15 bits, and a ketama ring spans 32: nearly all keys are on one server; use crc32a, or modula",
    )
  }
  if (
    several &&
    (pool.hash === 'fnv1a_64' || pool.hash === 'fnv1_64') &&
    pool.distribution !== 'random'
  ) {
    warn(
      at('hash'),
      `'${pool.hash}'${at('hash') === undefined ? ', the default,' : ''} puts keys that differ only at their end, such as user:1 and user:2, on few servers; 'murmur' and 'md5' spread them (a change of hash moves keys)`,
    )
  }
  if (pool.distribution === 'ketama') warnOfZeroPoints(draft, warn)
  if (
    pool.distribution === 'random' &&
    pool.servers.some(({ weight }) => weight !== pool.servers[0]!.weight)
  ) {
    warn(at('distribution'), "'random' does not look at weights; every server gets the same share")
  }
  if (several && pool.distribution === 'random') {
    warn(
      at('distribution'),
      "with 'random' a read does not go where the write went; use it for servers that hold the same",
    )
  }
  if (several && pool.distribution === 'modula' && pool.autoEjectHosts) {
    warn(
      at('auto_eject_hosts'),
      "with 'modula' an ejected server moves almost every key; use ketama, or do not eject",
    )
  }
  if (pool.timeout === undefined || pool.timeout === 0) {
    warn(
      at('timeout'),
      'without a timeout a server that hangs holds up its callers for ever; set a timeout such as 400 (milliseconds)',
    )
  }
  if (at('client_connections') !== undefined) {
    warn(at('client_connections'), "'client_connections' has no effect in nutcracker 0.5")
  }
  if (at('redis_db') !== undefined && !pool.redis) {
    warn(at('redis_db'), "'redis_db' has no effect without 'redis: true'")
  }
  for (const { directive, value, mark } of draft.wrapped) {
    warn(mark, `'${directive}' does not fit 32 bits; nutcracker reads it as ${value}`)
  }
  warnOfSharedAddresses(draft, warn)
  return warnings
}

type Warn = (mark: Mark, text: string) => void

function warnOfZeroPoints({ servers }: PoolDraft, warn: Warn): void {
  const totalWeight = servers.reduce((sum, { weight }) => sum + weight, 0)
  for (const { name, weight, mark } of servers) {
    if (digestsOf(weight, totalWeight, servers.length) > 0) continue
    warn(
      mark,
      `server '${name}' gets no key: its weight ${weight} of ${totalWeight} makes no point on the ring; raise it`,
    )
  }
}

function warnOfSharedAddresses({ servers }: PoolDraft, warn: Warn): void {
  const holders = new Map<string, string>()
  for (const { name, host, port, path, mark } of servers) {
    const address = path ?? `${host}:${port}`
    const twin = holders.get(address)
    if (twin !== undefined) {
      warn(mark, `servers '${twin}' and '${name}' are the same server under two names`)
    }
    holders.set(address, name)
  }
}
