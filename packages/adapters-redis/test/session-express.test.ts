import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import expressSession from 'express-session'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { expressBehaviour } from '../../core/test/session/express-behaviour.ts'
import { type RedisStore, redisStore } from '../src/index.ts'

describe.each(['redis', 'valkey'] as const)('express-session over %s', (engine) => {
  let server: RedisServer
  let store: RedisStore
  beforeAll(async () => {
    server = await startRedis({ engine })
    store = redisStore({ host: '127.0.0.1', port: server.port, commandTimeout: 5_000 })
  })
  afterAll(async () => {
    await store?.close()
    await server?.stop()
  })
  const cases = expressBehaviour(expressSession, () => ({
    store,
    stepMs: 100,
    options: { retryFor: '10s' },
  }))
  test.each(cases)('$name', ({ run }) => run())
})
