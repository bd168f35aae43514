import { type CacheOptions, createCache, type HealthReport } from '@holdfast/core'
import { prometheus } from '@holdfast/core/telemetry'
import { canary, canarySecret } from '@holdfast/lab/canary'
import { type RedisServerOptions, startRedis } from '@holdfast/lab/redis-server'
import { expect, onTestFinished, test } from 'vitest'
import { type RedisStoreOptions, redisStore } from '../src/index.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Short, so that a window passes within a test. */
const health = { window: '2s', poll: '400ms', thresholds: { hit_rate: false } } as const

async function setup(
  server: RedisServerOptions = {},
  options: Partial<RedisStoreOptions> = {},
  more: Partial<CacheOptions> = {},
) {
  const redis = await startRedis(server)
  onTestFinished(() => redis.stop())
  const store = redisStore({ port: redis.port, ...options })
  onTestFinished(() => store.close?.())
  const cache = createCache({ name: 'shop', store, health, ...more })
  onTestFinished(() => cache.close())
  cache.on('error', () => {})
  return { redis, cache }
}

/** Asks until the report is as it should be, for ten windows at most. */
async function until(
  ask: () => Promise<HealthReport>,
  isSo: (report: HealthReport) => boolean,
): Promise<HealthReport> {
  let report = await ask()
  for (let tries = 0; tries < 200 && !isSo(report); tries++) {
    await sleep(100)
    report = await ask()
  }
  return report
}

const named = ({ checks }: HealthReport, name: string) =>
  checks.find((check) => check.name === name)

test('a server that is nearly full is critical after a window, and ok again after two without', async () => {
  const { redis, cache } = await setup()
  const used = Number(/used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1])
  await redis.command('CONFIG', 'SET', 'maxmemory', String(Math.ceil(used * 1.08)))
  const startedAt = performance.now()
  const full = await until(
    () => cache.health(),
    ({ status }) => status === 'critical',
  )
  expect(named(full, 'memory_utilization')).toMatchObject({ status: 'critical', critical: 0.85 })
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(2_000)
  expect(named(full, 'connections')?.value).toBeGreaterThan(0)
  expect(named(full, 'cpu_utilization')?.value).toBeGreaterThanOrEqual(0)
  await redis.command('CONFIG', 'SET', 'maxmemory', String(used * 100))
  const wideAt = performance.now()
  const wide = await until(
    () => cache.health(),
    ({ status }) => status === 'ok',
  )
  expect(wide.status).toBe('ok')
  expect(performance.now() - wideAt).toBeGreaterThanOrEqual(3_500)
  const text = prometheus(cache)
  expect(text).toMatch(/holdfast_server_memory_used_bytes\{cache="shop",server="redis"\} \d+\n/)
  expect(text).toContain('holdfast_health{cache="shop",check="memory_utilization"} 0\n')
})

test('INFO is asked at most once in a period, however often health is', async () => {
  const { redis, cache } = await setup()
  await cache.get('connect')
  await redis.command('CONFIG', 'RESETSTAT')
  const startedAt = performance.now()
  while (performance.now() - startedAt < 2_000) {
    await Promise.all([cache.health(), cache.health()])
    prometheus(cache)
    await sleep(20)
  }
  const elapsedMs = performance.now() - startedAt
  const { info = 0 } = await redis.commandCounts()
  // The lab's own question is one of them.
  expect(info).toBeLessThanOrEqual(Math.ceil(elapsedMs / 400) + 2)
  expect(info).toBeGreaterThan(1)
})

test('a user that may not ask INFO leaves its servers unknown, and calls go on', async () => {
  const { cache } = await setup(
    { users: [`anna on >${canarySecret('health')} ~* &* +@all -info -@dangerous`] },
    { username: 'anna', password: canarySecret('health') },
  )
  expect(await cache.wrap('key', () => 1)).toBe(1)
  await cache.health()
  await sleep(2_500)
  const report = await cache.health()
  expect(report.status).toBe('unknown')
  expect(named(report, 'connections')).toMatchObject({ status: 'unknown', value: undefined })
  expect(JSON.stringify(report)).not.toContain(canary)
})

test('a server that is killed is unknown, the store is out, and no call of health waits long', async () => {
  const { redis, cache } = await setup(
    {},
    {},
    {
      health: {
        ...health,
        thresholds: { hit_rate: false, store_out_s: { warn: 0.5, critical: 1 } },
      },
    },
  )
  await cache.wrap('key', () => 1)
  await redis.kill()
  for (let call = 0; call < 10; call++)
    expect(await cache.wrap(`key ${call}`, () => call)).toBe(call)
  const askedAt = performance.now()
  await cache.health()
  expect(performance.now() - askedAt).toBeLessThan(3_000)
  const out = await until(
    () => cache.health(),
    ({ status }) => status === 'critical',
  )
  expect(named(out, 'store_out_s')?.status).toBe('critical')
  expect(named(out, 'connections')?.status).toBe('unknown')
})
