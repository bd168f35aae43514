import type { Clock } from '@holdfast/core'
import type { ClusterNode } from './cluster-node.ts'
import type { ClusterServers } from './cluster-servers.ts'
import { OwnConnection } from './connection.ts'
import { Exchange } from './exchange.ts'
import { GetBatcher } from './get-batcher.ts'
import { slotOf } from './hash-slot.ts'
import type { OpenClient } from './open-client.ts'
import { RecentWrites } from './recent-writes.ts'
import { ReplicaLag } from './replica-lag.ts'
import { type ReplicaReader, replicaReads } from './replica-reads.ts'
import type { ServerAddress } from './server-address.ts'
import type { Servers, Way } from './servers.ts'

export interface ReplicaOptions {
  readonly maxLagMs: number
  readonly clock: Clock
  readonly store: string
  readonly commandTimeoutMs: number
}

/** Servers some of whose reads go to replicas. */
export interface ReadServers {
  readonly servers: Servers
  /** As `Store.changedElsewhere`, by name. */
  changedElsewhere(names: readonly string[] | undefined): void
}

type ReplicaWay = Way & ReplicaReader & { close(): void }

/** The replicas of one primary, as it names them itself. */
export function singleReplicaReads(
  servers: Servers,
  primary: Way,
  opener: (address: ServerAddress) => OpenClient,
  options: ReplicaOptions,
): ReadServers {
  const { clock, store, commandTimeoutMs, maxLagMs } = options
  const lag = new ReplicaLag<ReplicaWay>({
    ...{ primary, clock, maxLagMs },
    open(address) {
      const connection = new OwnConnection({ open: opener(address), clock, store })
      const exchange = new Exchange({ connection, store, commandTimeoutMs, clock })
      const gets = new GetBatcher(exchange)
      return {
        get unanswered() {
          return exchange.unanswered
        },
        run: (operation, send) => exchange.run(operation, send),
        get: (name) => gets.get(name),
        getMany: (names, operation) => gets.many(names, operation),
        close() {
          exchange.close()
          connection.close()
        },
      }
    },
  })
  const writes = new RecentWrites(clock)
  const find = (_: string, writtenAt: number) => {
    writes.forget(lag.caughtUpAt)
    return lag.replicaWith(writtenAt)
  }
  return closing(replicaReads(servers, find, writes), writes, () => lag.close())
}

/** The replicas of each primary of a cluster. */
export function clusterReplicaReads(
  servers: ClusterServers,
  open: (address: ServerAddress) => ClusterNode,
  options: ReplicaOptions,
): ReadServers {
  const { clock, maxLagMs } = options
  const lags = new Map<ClusterNode, ReplicaLag<ReplicaWay>>()
  const writes = new RecentWrites(clock)
  const lagOf = (primary: ClusterNode) => {
    let lag = lags.get(primary)
    if (lag === undefined) {
      lag = new ReplicaLag<ReplicaWay>({
        ...{ primary: primary.exchange, clock, maxLagMs },
        open: (address) => nodeReader(open(address)),
      })
      lags.set(primary, lag)
    }
    return lag
  }
  const endChanges = servers.map.onChange(() => {
    for (const [primary, lag] of lags) {
      if (servers.map.hasPrimary(primary)) continue
      lags.delete(primary)
      lag.close()
    }
  })
  const find = (name: string, writtenAt: number) => {
    const primary = servers.map.ownerOf(slotOf(name))
    return primary && lagOf(primary).replicaWith(writtenAt)
  }
  return closing(replicaReads(servers, find, writes), writes, () => {
    endChanges()
    for (const lag of lags.values()) lag.close()
  })
}

/** A replica answers for the slots of its primary; whatever else it says is left to that one. */
function nodeReader(node: ClusterNode): ReplicaWay {
  const value = (answer: Awaited<ReturnType<ClusterNode['get']>>) => {
    if (answer === undefined || answer instanceof Uint8Array) return answer
    throw answer
  }
  return {
    get unanswered() {
      return node.exchange.unanswered
    },
    run: (operation, send) => node.run(operation, send),
    get: async (name) => value(await node.get(name, slotOf(name))),
    getMany: async (names, operation) =>
      (await node.getMany(names, names.map(slotOf), operation)).map(value),
    close: () => node.close(),
  }
}

function closing(reads: Servers, writes: RecentWrites, close: () => void): ReadServers {
  return {
    servers: {
      ...reads,
      close() {
        close()
        reads.close()
      },
    },
    changedElsewhere(names) {
      if (names === undefined) writes.noteAll()
      else for (const name of names) writes.note(name)
    },
  }
}
