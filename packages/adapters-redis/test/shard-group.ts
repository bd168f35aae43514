import { type FaultProxy, startFaultProxy } from '@holdfast/lab/fault-proxy'
import { startRedis } from '@holdfast/lab/redis-server'
import { expect } from 'vitest'
import { type ShardedRedis, type ShardedRedisOptions, shardedRedis } from '../src/index.ts'

export const names = ['one', 'two', 'three']
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The wait for a first connection is short, and a machine that runs many tests at once may take longer. */
export async function connected(store: ShardedRedis): Promise<ShardedRedis> {
  const keys = Array.from(
    { length: 200 },
    (_, number) => `${Math.imul(number, 0x9e3779b1)}:connected`,
  )
  const isUp = () => {
    const states = Object.values(store.stats().servers)
    return states.every(({ state, responses }) => state === 'in' && responses > 0)
  }
  for (let tries = 0; tries < 500 && !isUp(); tries++) {
    await store.getMany(keys).catch(() => {})
    await sleep(10)
  }
  expect(isUp()).toBe(true)
  return store
}

/** Three servers of a story, each behind a network that can fail without the server losing what it holds. */
export async function story(options: Partial<ShardedRedisOptions> = {}) {
  const own = await Promise.all(names.map(() => startRedis()))
  const proxies = await Promise.all(
    own.map(({ port }) => startFaultProxy({ upstream: { port }, framing: 'resp' })),
  )
  const store = await connected(
    shardedRedis({
      servers: proxies.map(({ port }, index) => ({ name: names[index]!, host: '127.0.0.1', port })),
      ...options,
    }),
  )
  return {
    own,
    proxies,
    store,
    async stop() {
      await store.close()
      await Promise.all(proxies.map((proxy) => proxy.stop()))
      await Promise.all(own.map((server) => server.stop()))
    },
  }
}

export async function cut(proxy: FaultProxy) {
  await proxy.closePort()
  proxy.resetAll()
}
