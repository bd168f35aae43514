import type { TwemproxyHash } from '../hashes/named-hashes.ts'

/** A server line of a nutcracker.yml. */
export interface NutcrackerServer {
  /** What twemproxy hashes for the server: its alias, or else its address without the port 11211. */
  readonly name: string
  readonly host?: string
  readonly port?: number
  /** Path of a Unix socket. */
  readonly path?: string
  readonly weight: number
}

/**
 * One pool of a nutcracker.yml, with twemproxy's defaults filled in. `createRing(pool)` routes exactly as twemproxy
 * does for it; what a ring has no use for is kept for whoever connects. Spans are milliseconds.
 */
export interface NutcrackerPool {
  readonly name: string
  /** The address twemproxy itself listened on. */
  readonly listen: string
  readonly compat: 'twemproxy'
  readonly hash: TwemproxyHash
  readonly hashTag?: string
  readonly distribution: 'ketama' | 'modula' | 'random'
  /** How long twemproxy waits for a server, connecting included; absent: for ever. */
  readonly timeout?: number
  readonly backlog: number
  /** As written; twemproxy 0.5 reads the number and then does not use it. */
  readonly clientConnections: number
  readonly tcpkeepalive: boolean
  readonly redis: boolean
  readonly redisAuth?: string
  readonly redisDb: number
  readonly preconnect: boolean
  readonly autoEjectHosts: boolean
  readonly serverConnections: number
  readonly serverRetryTimeout: number
  readonly serverFailureLimit: number
  /** In the order of the file. */
  readonly servers: readonly NutcrackerServer[]
}

/** What a pool carries beyond a ring's own options: known to `createRing`, and not used by it. */
export const poolOnlyNames = [
  'name',
  'listen',
  'timeout',
  'backlog',
  'clientConnections',
  'tcpkeepalive',
  'redis',
  'redisAuth',
  'redisDb',
  'preconnect',
  'autoEjectHosts',
  'serverConnections',
  'serverRetryTimeout',
  'serverFailureLimit',
] as const satisfies readonly (keyof NutcrackerPool)[]
