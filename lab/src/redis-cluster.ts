import { freePorts } from './free-ports.ts'
import { type RedisEngine, type RedisServer, startRedis } from './redis-server.ts'
import type { Reply } from './resp.ts'
import { until } from './until.ts'

export interface RedisClusterOptions {
  /** Default `'redis'`. */
  readonly engine?: RedisEngine
  /** Default 3. */
  readonly primaries?: number
  /** Of each primary. Default 1. */
  readonly replicas?: number
  /** After how long without an answer a node counts as failed. Default 2,000: a busy machine may keep one waiting for a second. */
  readonly nodeTimeoutMs?: number
  readonly config?: Readonly<Record<string, string>>
}

export interface RedisCluster {
  /** The primaries of the beginning first, then their replicas in the same order. */
  readonly nodes: readonly RedisServer[]
  /** The primaries of the beginning. */
  readonly primaries: readonly RedisServer[]
  /** Where to ask first, as clients are told. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
  /** Who owns a slot at present, as most of the nodes that run say. */
  ownerOf(slot: number): Promise<RedisServer>
  /** The slot of a key, as the servers see it. */
  slotOf(key: string): Promise<number>
  /** The replica of a primary of the beginning. */
  replicaOf(primary: RedisServer): RedisServer
  /**
   * Moves slots, with what is in them, from one primary to another while clients use them, as `redis-cli --cluster
   * reshard` does: through MIGRATING and IMPORTING, a few keys at a time.
   */
  moveSlots(slots: readonly number[], from: RedisServer, to: RedisServer): Promise<void>
  /** Waits until all slots are served and all nodes agree on it. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const slots = 16_384
const host = '127.0.0.1'

/** Starts a cluster on free loopback ports. About two seconds. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { engine = 'redis', primaries: count = 3, replicas = 1, nodeTimeoutMs = 2_000 } = options
  const nodeCount = count * (1 + replicas)
  // Both at once, so that no node takes the port of another's bus, by default 10,000 above its own.
  const ports = await freePorts(2 * nodeCount)
  const busPorts = ports.slice(nodeCount)
  const started = await Promise.allSettled(
    busPorts.map((busPort, index) =>
      startRedis({
        engine,
        port: ports[index]!,
        config: {
          'cluster-enabled': 'yes',
          'cluster-port': `${busPort}`,
          'cluster-node-timeout': `${nodeTimeoutMs}`,
          // A replica whose link was cut for long may be promoted all the same, and stays with its primary.
          'cluster-replica-validity-factor': '0',
          'cluster-allow-replica-migration': 'no',
          'cluster-announce-ip': host,
          ...options.config,
        },
      }),
    ),
  )
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason
    const cluster = clusterOf(nodes, count, stop)
    await form(nodes, busPorts, count)
    await cluster.settled()
    return cluster
  } catch (error) {
    await stop()
    throw error
  }
}

async function form(
  nodes: readonly RedisServer[],
  busPorts: readonly number[],
  count: number,
): Promise<void> {
  const [first, ...others] = nodes
  await Promise.all(
    nodes.map((node, index) => node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))),
  )
  const share = Math.ceil(slots / count)
  for (let index = 0; index < count; index++) {
    const range = [index * share, Math.min(slots, (index + 1) * share) - 1].map(String)
    await nodes[index]!.command('CLUSTER', 'ADDSLOTSRANGE', ...range)
  }
  for (const [index, other] of others.entries()) {
    await first!.command('CLUSTER', 'MEET', host, `${other.port}`, `${busPorts[index + 1]}`)
  }
  await until('all nodes know each other', async () => {
    const known = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'NODES')))
    return known.every(
      (text) =>
        String(text).trim().split('\n').length === nodes.length &&
        !/handshake|noaddr/.test(String(text)),
    )
  })
  for (let index = count; index < nodes.length; index++) {
    const id = await nodes[index % count]!.command('CLUSTER', 'MYID')
    await nodes[index]!.command('CLUSTER', 'REPLICATE', String(id))
  }
}

function clusterOf(
  nodes: readonly RedisServer[],
  count: number,
  stop: () => Promise<void>,
): RedisCluster {
  const running = () => nodes.filter((node) => node.running())
  const nodeAt = (port: number) => {
    const node = nodes.find((each) => each.port === port)
    if (node === undefined) throw new Error(`port ${port} is nobody's of this cluster`)
    return node
  }
  return {
    nodes,
    primaries: nodes.slice(0, count),
    addresses: nodes.map(({ port }) => ({ host, port })),
    async ownerOf(slot) {
      const owners = (await Promise.all(running().map(rangesOf)))
        .map((ranges) => ranges.find(({ from, to }) => from <= slot && slot <= to)?.port)
        .filter((port) => port !== undefined)
      const votes = (port: number) => owners.filter((each) => each === port).length
      return nodeAt(owners.sort((a, b) => votes(b) - votes(a))[0] ?? 0)
    },
    async slotOf(key) {
      return Number(await running()[0]!.command('CLUSTER', 'KEYSLOT', key))
    },
    replicaOf: (primary) => nodes[count + nodes.indexOf(primary)]!,
    async moveSlots(all, from, to) {
      for (const slot of all) await moveSlot(slot, from, to, nodes.slice(0, count))
    },
    async settled() {
      let views: Awaited<ReturnType<typeof viewOf>>[] = []
      await until(
        () => `the cluster is whole: ${JSON.stringify(views, null, 1)}`,
        async () => {
          views = await Promise.all(running().map(viewOf))
          return views.every((view) => view.isWhole && view.ranges === views[0]?.ranges)
        },
        30_000,
      )
    },
    stop,
  }
}

async function viewOf(node: RedisServer) {
  const info = String(await node.command('CLUSTER', 'INFO'))
  const ranges = await rangesOf(node)
  const replication = String(await node.command('INFO', 'replication'))
  const isLinked = !/role:slave/.test(replication) || /master_link_status:up/.test(replication)
  return {
    port: node.port,
    isLinked,
    isWhole: info.includes('cluster_state:ok') && isLinked,
    ranges: JSON.stringify(ranges.map(({ from, to, port }) => [from, to, port]).sort()),
  }
}

interface Range {
  readonly from: number
  readonly to: number
  readonly port: number
}

async function rangesOf(node: RedisServer): Promise<Range[]> {
  const reply = (await node.command('CLUSTER', 'SLOTS')) as [number, number, ...Reply[][]][]
  return reply
    .map(([from, to, owner]) => ({ from, to, port: Number(owner?.[1]) }))
    .sort((a, b) => a.from - b.from)
}

async function moveSlot(
  slot: number,
  from: RedisServer,
  to: RedisServer,
  primaries: readonly RedisServer[],
): Promise<void> {
  const at = String(slot)
  const [fromId, toId] = await Promise.all(
    [from, to].map(async (node) => String(await node.command('CLUSTER', 'MYID'))),
  )
  await to.command('CLUSTER', 'SETSLOT', at, 'IMPORTING', fromId!)
  await from.command('CLUSTER', 'SETSLOT', at, 'MIGRATING', toId!)
  for (;;) {
    const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', at, '10')) as string[]
    if (keys.length === 0) break
    await from.command('MIGRATE', host, `${to.port}`, '', '0', '1000', 'REPLACE', 'KEYS', ...keys)
  }
  // The new owner first, so that at no moment nobody has it.
  for (const node of [to, from, ...primaries.filter((each) => each !== to && each !== from)]) {
    await node.command('CLUSTER', 'SETSLOT', at, 'NODE', toId!)
  }
}
