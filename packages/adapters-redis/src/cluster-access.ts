import type { Clock } from '@holdfast/core'
import { refusePublicPlaintext } from '@holdfast/core/adapter'
import { Redis } from 'ioredis'
import { AuthPace } from './auth-pace.ts'
import type { ClusterAccess } from './cluster-map.ts'
import { ClusterNode } from './cluster-node.ts'
import { OwnConnection } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import { Exchange } from './exchange.ts'
import { NodePulse } from './node-pulse.ts'
import { type OpenClient, ownClientOpener } from './open-client.ts'
import { namedNodes, type RedisStoreOptions } from './redis-options.ts'
import { addressKey, type ServerAddress } from './server-address.ts'

/**
 * What one node has not answered in this share of `commandTimeout` is not waited for: core gives all store work of a
 * call 200 ms, and the answers of the others have to come within it.
 */
export const nodeShare = 1 / 4

export interface ClusterAccessOptions {
  readonly store: string
  readonly commandTimeoutMs: number
  readonly clock: Clock
}

/** The nodes of a cluster over connections of our own, and a way to open one more to each. */
export interface OwnClusterAccess extends ClusterAccess {
  opener(address: ServerAddress, purpose: 'commands' | 'bus'): OpenClient
  /** A replica, to be read from. */
  openReplica(address: ServerAddress): ClusterNode
}

/** @throws InvalidOptionError for nodes that are no addresses. */
export function ownClusterAccess(
  options: RedisStoreOptions,
  { store, commandTimeoutMs, clock }: ClusterAccessOptions,
): OwnClusterAccess {
  const { cluster, natMap, ...rest } = options
  const named = namedNodes(cluster ?? [])
  const deadlines = new Deadlines(clock, commandTimeoutMs * nodeShare)
  const isInClear = options.tls === undefined && options.insecure !== true
  const opener = (
    address: ServerAddress,
    purpose: 'commands' | 'bus',
    role: object = {},
  ): OpenClient => {
    const { username = 'default' } = options
    // Each node counts its logins for itself.
    const pace = new AuthPace(clock, JSON.stringify([addressKey(address), username]))
    const open = ownClientOpener({
      options: { ...rest, ...address, ...role },
      create: (clientOptions: object) => new Redis(clientOptions),
      clock,
      pace,
      store,
      purpose,
    })
    return async (begun) => {
      if (isInClear) refusePublicPlaintext(address.host, 'redis')
      return open(begun)
    }
  }
  const translate = translation(natMap)
  const nodeAt = (address: ServerAddress, open: OpenClient, onDown?: () => void) => {
    const connection = new OwnConnection({ open, clock, store, ...(onDown && { onDown }) })
    const exchange = new Exchange({ connection, store, commandTimeoutMs, clock })
    const pulse = new NodePulse(exchange, deadlines, clock, store)
    return new ClusterNode(address, connection, exchange, pulse, store)
  }
  return {
    named: () => named,
    translate,
    opener,
    open: (address, onDown) => nodeAt(address, opener(address, 'commands'), onDown),
    // READONLY: else a replica sends everybody to its primary.
    openReplica: (address) =>
      nodeAt(translate(address), opener(translate(address), 'commands', { readOnly: true })),
  }
}

/** What nodes call each other, as what they are reached by from here. */
export function translation(
  natMap: RedisStoreOptions['natMap'],
): (at: ServerAddress) => ServerAddress {
  if (natMap === undefined) return (address) => address
  const map = typeof natMap === 'function' ? natMap : (key: string) => natMap[key]
  return (address) => map(addressKey(address)) ?? address
}
