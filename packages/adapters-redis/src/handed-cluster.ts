import { type Clock, StoreError } from '@holdfast/core'
import { nodeShare, translation } from './cluster-access.ts'
import type { ClusterAccess } from './cluster-map.ts'
import { ClusterNode } from './cluster-node.ts'
import type { Connection } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import { Exchange } from './exchange.ts'
import { NodePulse } from './node-pulse.ts'
import { duplicateOpener, type OpenClient } from './open-client.ts'
import { cutOff, type RedisClient, type RedisClusterClient } from './redis-client.ts'
import { addressKey, type ServerAddress } from './server-address.ts'

export interface HandedClusterOptions {
  readonly store: string
  readonly commandTimeoutMs: number
  readonly clock: Clock
}

/** The nodes of a cluster over the connections of a client that somebody else owns. */
export interface HandedClusterAccess extends ClusterAccess {
  opener(address: ServerAddress): OpenClient
  close(): void
}

/**
 * ioredis's `Cluster` sends each command alone, to the node it thinks right. Here its clients of the nodes are used
 * instead, under a map of our own: so that the gets for a node share a write, and redirections are looked at.
 */
export function handedClusterAccess(
  cluster: RedisClusterClient,
  { store, commandTimeoutMs, clock }: HandedClusterOptions,
): HandedClusterAccess {
  const deadlines = new Deadlines(clock, commandTimeoutMs * nodeShare)
  const clientOf = (address: ServerAddress): RedisClient | undefined =>
    cluster.nodes('all').find(({ options }) => isAt(options, address))
  const nodes = () =>
    cluster
      .nodes('all')
      .flatMap(({ options: { host, port } }) => (host ? [{ host, port: port ?? 6_379 }] : []))
  // Without a listener its errors would be shown by itself; they are its owner's.
  const onError = () => undefined
  cluster.on('error', onError)
  return {
    named: nodes,
    translate: translation(cluster.options.natMap),
    async prepare() {
      if (cluster.status === 'wait') await cluster.connect()
      else if (cluster.status === 'connecting') await becomes(cluster)
    },
    lost: () => cluster.refreshSlotsCache(() => undefined),
    opener: (address) => async () => {
      const client = clientOf(address)
      if (client === undefined) throw awayError(store, cluster.status)
      return duplicateOpener(client, clock, store)()
    },
    open(address, onDown) {
      const connection = new HandedNode(cluster, () => clientOf(address), store, onDown)
      const exchange = new Exchange({ connection, store, commandTimeoutMs, clock })
      const pulse = new NodePulse(exchange, deadlines, clock, store)
      return new ClusterNode(address, connection, exchange, pulse, store)
    },
    close: () => {
      cluster.off('error', onError)
    },
  }
}

const isAt = (options: RedisClient['options'], address: ServerAddress) =>
  options.host !== undefined &&
  addressKey({ host: options.host, port: options.port ?? 6_379 }) === addressKey(address)

/** The client of one node, as the cluster has it at present. */
class HandedNode implements Connection {
  readonly #cluster: RedisClusterClient
  readonly #find: () => RedisClient | undefined
  readonly #store: string
  readonly #onDown: () => void
  #watched: RedisClient | undefined
  readonly #onClose = () => {
    this.#isAway = true
    this.#onDown()
  }
  #isAway = false
  #waiting: Promise<RedisClient> | undefined

  constructor(
    cluster: RedisClusterClient,
    find: () => RedisClient | undefined,
    store: string,
    onDown: () => void,
  ) {
    this.#cluster = cluster
    this.#find = find
    this.#store = store
    this.#onDown = onDown
  }

  get client(): RedisClient | undefined {
    const client = this.#find()
    return client?.status === 'ready' ? client : undefined
  }

  get isAway(): boolean {
    return this.#isAway && this.client === undefined
  }

  wait(): Promise<RedisClient> {
    // One for all who wait: listeners for each would grow with the calls of an outage.
    this.#waiting ??= this.#wait().finally(() => {
      this.#waiting = undefined
    })
    return this.#waiting
  }

  async #wait(): Promise<RedisClient> {
    const cluster = this.#cluster
    if (cluster.status === 'wait') await cluster.connect().catch(() => undefined)
    let client = this.#find()
    if (client === undefined) {
      // It may have lost the node, or not have met it yet.
      await new Promise<void>((resolve) => cluster.refreshSlotsCache(() => resolve()))
      client = this.#find()
    }
    if (client === undefined) {
      this.#isAway = true
      throw awayError(this.#store, cluster.status)
    }
    if (client.status === 'ready') return this.#watch(client)
    try {
      if (client.status === 'wait') await client.connect()
      else await becomes(client)
    } catch {
      this.#isAway = true
      throw awayError(this.#store, client.status)
    }
    return this.#watch(client)
  }

  #watch(client: RedisClient): RedisClient {
    this.#isAway = false
    if (this.#watched === client) return client
    this.#watched?.off('close', this.#onClose)
    this.#watched = client
    client.on('close', this.#onClose)
    return client
  }

  drop(client: RedisClient): void {
    if (client.status === 'ready') cutOff(client, true)
  }

  close(): void {
    this.#watched?.off('close', this.#onClose)
  }
}

/** Resolves when it is ready. */
function becomes(client: RedisClient | RedisClusterClient): Promise<void> {
  if (client.status === 'end' || client.status === 'close')
    return Promise.reject(new Error('Connection is closed'))
  return new Promise((resolve, reject) => {
    const end = () => {
      client.off('ready', whenReady)
      client.off('close', whenClosed)
    }
    const whenReady = () => {
      end()
      resolve()
    }
    const whenClosed = () => {
      end()
      reject(new Error('Connection is closed'))
    }
    client.on('ready', whenReady)
    client.on('close', whenClosed)
  })
}

const awayError = (store: string, status: string) =>
  new StoreError(
    `the cluster client that was given to the store '${store}' has no connection to the node; the status is '${status}'`,
    { kind: 'unavailable', store, operation: 'connect' },
  )
