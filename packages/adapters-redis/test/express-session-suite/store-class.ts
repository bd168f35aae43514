import { randomUUID } from 'node:crypto'
import { expressSessionStore } from '@holdfast/core/session'
import { redisStore } from '../../src/index.ts'

const store = redisStore({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT) })

/** A class as the suite makes its stores of: no arguments, and sessions that no other instance sees. */
export const storeClass = (Store: new () => object) =>
  function HoldfastStore() {
    return expressSessionStore({ Store }, store, { prefix: `suite:${randomUUID()}:` })
  }
