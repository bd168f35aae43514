import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from '@holdfast/core'
import { type RedisCluster, startRedisCluster } from '@holdfast/lab/redis-cluster'
import { redisStore } from '@holdfast/redis'

export const products = 300

/** What happened, in numbers. */
export interface Told {
  readonly nodes: number
  readonly fewestOnANode: number
  readonly loadsWhenCold: number
  readonly loadsWhenWarm: number
  readonly answersWhileOneIsOut: number
  readonly loadsWhileOneIsOut: number
  readonly oldAfterClear: number
}

/** How long is waited for servers, in milliseconds. The defaults are the library's; a test on a busy machine waits longer. */
interface Patience {
  readonly commandTimeout?: number
  readonly storeTimeout?: number
}

/** Starts a cluster of six, and shows what a cache makes of it. */
export async function tell(
  say: (line: string) => void,
  { commandTimeout = 500, storeTimeout = 200 }: Patience = {},
): Promise<Told> {
  say('Starting a cluster of three primaries with a replica each …')
  const cluster = await startRedisCluster({ nodeTimeoutMs: 10_000 })

  // The two lines that matter: two or three nodes are named, and the others are found.
  const nodes = cluster.addresses.slice(0, 3).map(({ host, port }) => `${host}:${port}`)
  const store = redisStore({ cluster: nodes, commandTimeout })
  const cache = createCache({ name: 'shop', store, memory: false, resilience: { storeTimeout } })
  cache.on('error', () => {})

  let loads = 0
  const load = async (missing: string[]) => {
    loads += missing.length
    return new Map(missing.map((id) => [id, { id, price: id.length * 100 }]))
  }
  const counted = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
    const before = loads
    return [await work(), loads - before]
  }
  const ids = Array.from({ length: products }, (_, index) => `product:${index}`)
  try {
    await connected(() => store.getManySettled!(ids))
    const [, loadsWhenCold] = await counted(() => cache.wrapMany(ids, load))
    const perNode = await keysPerNode(cluster)
    say(
      `${products} products, ${loadsWhenCold} loaded; keys on the three nodes: ${perNode.join(', ')}`,
    )

    const [, loadsWhenWarm] = await counted(() => cache.wrapMany(ids, load))
    say(`Once more, all in one call: ${loadsWhenWarm} loaded`)

    cluster.primaries[0]!.pause()
    const since = performance.now()
    const [answers, loadsWhileOneIsOut] = await counted(() => cache.wrapMany(ids, load))
    say(
      `One of three primaries stops answering: ${answers.size} answers after ${Math.round(performance.now() - since)} ms, ${loadsWhileOneIsOut} of them loaded`,
    )
    cluster.primaries[0]!.resume()
    await connected(() => store.getManySettled!(ids))

    await cleared(() => cache.clear())
    const left = await cache.getMany(ids)
    say(`clear() writes one key, and of ${products} products ${left.size} are left to read`)
    return {
      nodes: perNode.length,
      fewestOnANode: Math.min(...perNode),
      loadsWhenCold,
      loadsWhenWarm,
      answersWhileOneIsOut: answers.size,
      loadsWhileOneIsOut,
      oldAfterClear: left.size,
    }
  } finally {
    await cache.close()
    await store.close()
    await cluster.stop()
  }
}

async function keysPerNode(cluster: RedisCluster): Promise<number[]> {
  return Promise.all(cluster.primaries.map(async (node) => Number(await node.command('DBSIZE'))))
}

/** A cache does not wait for its nodes at the start; an example that counts does. */
async function connected(read: () => Promise<readonly unknown[]>): Promise<void> {
  const isWhole = async () =>
    (await read().catch(() => [new Error('away')])).every((answer) => !(answer instanceof Error))
  while (!(await isWhole())) await sleep(20)
}

/** A clear that does not reach its node in time says so, and is made up for by itself; an example that counts asks again. */
async function cleared(clear: () => Promise<void>): Promise<void> {
  const isDone = () =>
    clear().then(
      () => true,
      () => false,
    )
  while (!(await isDone())) await sleep(100)
}
