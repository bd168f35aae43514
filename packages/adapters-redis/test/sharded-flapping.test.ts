import { beside } from '@holdfast/lab/beside'
import { load, p99, withoutStalls } from '@holdfast/lab/timed-load'
import { expect, test } from 'vitest'
import { shardedRedis } from '../src/index.ts'
import { connected, story } from './shard-group.ts'

const minute = { ttlMs: 60_000 }
const text = (words: string) => new TextEncoder().encode(words)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a server that comes and goes once a second for a minute costs the others nothing, and its own keys little', {
  timeout: 120_000,
}, async () => {
  const { own, proxies, store, stop } = await story()
  // The same load in the same minute over the two that are well: what else the machine does costs both as much.
  const well = await connected(
    shardedRedis({
      servers: [0, 2].map((index) => ({ host: '127.0.0.1', port: proxies[index]!.port })),
    }),
  )
  const keys = Array.from({ length: 600 }, (_, number) => `user:${number}`)
  try {
    const entries = keys.map((key) => ({ key, bytes: text(key), ...minute }))
    await store.setMany(entries)
    await well.setMany(entries)
    const stopFlapping = beside(async (isOn) => {
      while (isOn()) {
        own[1]!.pause()
        await sleep(500)
        own[1]!.resume()
        await sleep(500)
      }
    })
    const [during, control] = await withoutStalls(() =>
      Promise.all([
        load(keys, 400, 60_000, (key) => store.get(key)),
        load(keys, 400, 60_000, (key) => well.get(key)),
      ]),
    )
    await stopFlapping()
    expect(during.length).toBeGreaterThan(20_000)
    expect(p99(during)).toBeLessThan(p99(control) + 20)
    const others = during.filter(({ key }) => store.explain(key).server !== 'two')
    expect(p99(others)).toBeLessThan(p99(control) + 10)
    expect(Math.max(...during.map(({ ms }) => ms))).toBeLessThan(100 + 50)
    expect(store.stats().servers.two?.ejects).toBeLessThan(4)
    expect(store.stats().servers.two?.timedOut).toBeGreaterThan(0)
  } finally {
    await well.close()
    await stop()
  }
})
