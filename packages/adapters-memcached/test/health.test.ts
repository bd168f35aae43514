import { createCache } from '@holdfast/core'
import { prometheus } from '@holdfast/core/telemetry'
import { startMemcached } from '@holdfast/lab/memcached-server'
import { expect, onTestFinished, test } from 'vitest'
import { memcachedStore } from '../src/index.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

test('of several servers each is judged by itself, and the one that evicts is named', async () => {
  const small = await startMemcached({ args: ['-m', '2'] })
  onTestFinished(() => small.stop())
  const large = await startMemcached({ args: ['-m', '256'] })
  onTestFinished(() => large.stop())
  const store = memcachedStore({
    servers: [
      { name: 'small', host: '127.0.0.1', port: small.port },
      { name: 'large', host: '127.0.0.1', port: large.port },
    ],
  })
  onTestFinished(() => store.close?.())
  const cache = createCache({
    name: 'shop',
    store,
    memory: false,
    resilience: { storeTimeout: '5s' },
    health: { window: '2s', poll: '400ms', thresholds: { hit_rate: false } },
  })
  onTestFinished(() => cache.close())
  await cache.health()
  const value = 'x'.repeat(50_000)
  const endAt = performance.now() + 20_000
  let report = await cache.health()
  for (let round = 0; performance.now() < endAt; round++) {
    await cache.setMany(
      Array.from({ length: 50 }, (_, at) => [`key ${round} ${at}`, value + at]),
      {
        ttl: '1h',
      },
    )
    report = await cache.health()
    const evicting = report.checks.find(({ name }) => name === 'evictions_per_min')
    if (evicting?.status === 'critical') break
    await sleep(50)
  }
  expect(report.checks.find(({ name }) => name === 'evictions_per_min')).toMatchObject({
    status: 'critical',
    server: 'small',
  })
  const text = prometheus(cache)
  expect(text).toContain('holdfast_ring_nodes{cache="shop",state="live"} 2\n')
  for (const server of ['small', 'large'])
    expect(text).toMatch(
      new RegExp(`holdfast_server_memory_limit_bytes\\{cache="shop",server="${server}"\\} \\d+\n`),
    )
}, 60_000)
