import { type Cache, createCache } from '@holdfast/core'
import { type FaultProxy, startFaultProxy } from '@holdfast/lab/fault-proxy'
import { scenarios } from '@holdfast/lab/fault-scenarios'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { describe, test } from 'vitest'
import { type MemcachedProtocol, memcachedStore } from '../src/index.ts'
import { soon, watchLag } from './open-driver.ts'

const keys = Array.from({ length: 50 }, (_, index) => `user:${index}`)
const value = (key: string) => ({ key, text: `value of ${key}, `.repeat(20) })

interface Call {
  readonly atMs: number
  readonly tookMs: number
}

/** 300 calls of `wrap` a second, whatever became of the ones before. */
async function traffic(cache: Cache, isOver: () => boolean) {
  const calls: Call[] = []
  const open: Promise<void>[] = []
  const tally = { failed: 0, wrong: 0, calls }
  const since = performance.now()
  const one = async (key: string) => {
    const atMs = performance.now() - since
    try {
      const found = await cache.wrap(key, () => value(key))
      if (found.key !== key || found.text !== value(key).text) tally.wrong++
    } catch {
      tally.failed++
    }
    calls.push({ atMs, tookMs: performance.now() - since - atMs })
  }
  for (let sent = 0; !isOver(); await soon(3)) {
    const due = (performance.now() - since) * 0.3
    for (; sent < due; sent++) open.push(one(keys[(sent * 7) % keys.length]!))
  }
  await Promise.all(open)
  return tally
}

type Outage = (server: MemcachedServer, proxy: FaultProxy) => Promise<() => Promise<void> | void>

const outages: Record<string, Outage> = {
  'a server that is stopped': async (server) => {
    server.pause()
    return () => server.resume()
  },
  'a server that is killed': async (server) => {
    await server.kill()
    return () => server.restart()
  },
  'a network that swallows everything': async (_, proxy) => {
    proxy.use(scenarios.blackHole)
    return () => {
      proxy.use(scenarios.healthy)
      proxy.resetAll()
    }
  },
  'garbage for replies': async (_, proxy) => {
    proxy.use(scenarios.garbage)
    return () => proxy.use(scenarios.healthy)
  },
}

describe.each<MemcachedProtocol>(['binary', 'meta'])('a cache over the %s protocol', (protocol) => {
  // Each has a server of its own, and mostly waits.
  test.concurrent.for(Object.keys(outages))(
    '%s: no wrap fails, none is wrong, none waits longer than 200 ms while it lasts, and then it is shared again',
    async (name, { expect, onTestFinished }) => {
      const server = await startMemcached()
      const proxy = await startFaultProxy({
        upstream: { port: server.port },
        framing: protocol === 'meta' ? 'memcached-meta' : 'memcached-binary',
      })
      const store = memcachedStore({ servers: [`127.0.0.1:${proxy.port}`], protocol })
      const cache = createCache({ store, memory: false })
      const other = createCache({
        store: memcachedStore({ servers: [server.address], protocol }),
        memory: false,
      })
      onTestFinished(async () => {
        await Promise.all([cache.close(), other.close()])
        await proxy.stop()
        await server.kill()
      })
      cache.on('error', () => {})
      other.on('error', () => {})
      const lag = watchLag(onTestFinished)
      let isOver = false
      const since = performance.now()
      const running = traffic(cache, () => isOver)
      await soon(400)
      const end = await outages[name]!(server, proxy)
      await soon(900)
      const endedMs = performance.now() - since
      await end()
      // What one stores the other finds: the server is in use again.
      await expect
        .poll(
          async () => {
            const mark = `${performance.now()}`
            await cache.set('mark', mark).catch(() => {})
            return (await other.get('mark')) === mark
          },
          { timeout: 15_000, interval: 50 },
        )
        .toBe(true)
      isOver = true
      const { failed, wrong, calls } = await running
      expect(calls.length).toBeGreaterThan(300)
      expect({ failed, wrong }).toEqual({ failed: 0, wrong: 0 })
      const slowest = (some: readonly Call[]) => Math.max(0, ...some.map(({ tookMs }) => tookMs))
      // Who began later may meet what was left behind.
      const during = calls.filter(({ atMs }) => atMs < endedMs - 200)
      expect(slowest(during)).toBeLessThan(200 + lag.allowanceMs())
      // A claim whose reply was lost is there when the server goes on, and its holder knows nothing of it.
      expect(slowest(calls)).toBeLessThan(1_200 + lag.allowanceMs())
    },
  )
})
