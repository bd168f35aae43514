import { busConformance, optionalMethods, storeConformance } from '@holdfast/core/testing'
import { canarySecret } from '@holdfast/lab/canary'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { redisBus, redisStore } from '../src/index.ts'

// The oldest release line that the peer range names, in the place of the newest.
vi.mock('ioredis', () => import('ioredis5'))

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const minute = { ttlMs: 60_000 }

describe('with connections of ioredis 5', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis({ users: [`anna on >${canarySecret('right')} ~* &* +@all`] })
  })
  afterAll(() => server.stop())

  test('it is ioredis 5 indeed', () => {
    expect(new Redis({ lazyConnect: true }).options).not.toHaveProperty('replyMapping')
  })

  test.concurrent.each(
    storeConformance({
      async create() {
        const store = redisStore({ port: server.port, commandTimeout: 5_000 })
        while ((await store.get('connected').catch(() => 'away')) === 'away') await sleep(10)
        return store
      },
      capabilities: {
        ttlGranularityMs: 1,
        maxKeyBytes: 65_536,
        maxValueBytes: 8 * 1024 * 1024,
        evicts: true,
      },
      methods: optionalMethods,
    }),
  )('$name', async ({ run }) => {
    expect(await run()).toEqual({})
  })

  test.each(
    busConformance({
      create: () => ({
        bus: redisBus({ port: server.port }),
        peer: redisBus({ port: server.port }),
      }),
    }).filter(({ name }) => !name.includes('its link is cut')),
  )('a bus $name', async ({ run }) => {
    expect(await run()).toEqual({})
  })

  test('a right password lets in, and a wrong one is a typed failure although ioredis 5 is ready before it is judged', async () => {
    const user = { port: server.port, username: 'anna' }
    const right = redisStore({ ...user, password: canarySecret('right') })
    const wrong = redisStore({ ...user, username: 'anna', password: canarySecret('wrong') })
    onTestFinished(async () => {
      await right.close()
      await wrong.close()
    })
    await right.set('a', Uint8Array.of(1), minute)
    expect(await right.get('a')).toEqual(Buffer.of(1))
    expect(await wrong.get('a').catch((error: unknown) => error)).toMatchObject({ kind: 'auth' })
  })

  test('a killed server is left and found again', async () => {
    const killed = await startRedis()
    const store = redisStore({ port: killed.port })
    onTestFinished(async () => {
      await store.close()
      await killed.stop()
    })
    await store.set('a', Uint8Array.of(1), minute)
    await killed.kill()
    await expect(store.get('a')).rejects.toMatchObject({ kind: 'unavailable' })
    await killed.restart()
    for (let tries = 0; tries < 300; tries++) {
      if ((await store.get('a').catch(() => 'away')) === undefined) return
      await sleep(10)
    }
    expect.unreachable('not within 3 s')
  })
})
