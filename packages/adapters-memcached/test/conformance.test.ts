import { storeConformance } from '@holdfast/core/testing'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type MemcachedProtocol, memcachedStore } from '../src/index.ts'

const capabilities = {
  ttlGranularityMs: 1_000,
  maxKeyBytes: 8_192,
  maxValueBytes: 8 * 1024 * 1024,
  evicts: true,
}
const methods = [
  'getMany',
  'setMany',
  'deleteMany',
  'add',
  'replace',
  'touch',
  'metrics',
  'close',
] as const

/** 8 MiB take their time on a machine that runs many tests at once; deadlines have tests of their own. */
const patient = { commandTimeout: '20s', connectTimeout: '20s' } as const

let servers: MemcachedServer[]
// Most of the cases wait for something to end.
vi.setConfig({ maxConcurrency: 48, testTimeout: 120_000 })

beforeAll(async () => {
  // Cases that store 8 MiB run at the same time as those that must find again what they stored.
  servers = await Promise.all([1, 2, 3].map(() => startMemcached({ args: ['-m', '512'] })))
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()))
})

describe.concurrent.each<MemcachedProtocol>(['binary', 'meta'])(
  'over the %s protocol',
  (protocol) => {
    describe('one server', () => {
      const create = () => memcachedStore({ servers: [servers[0]!.address], protocol, ...patient })
      test.concurrent.each(storeConformance({ create, capabilities, methods }))(
        '$name',
        async ({ run }) => {
          const { skipped } = await run()
          expect(skipped).toBeUndefined()
        },
      )
    })

    describe('a fleet of three', () => {
      const create = () =>
        memcachedStore({
          servers: servers.map(({ address }) => address),
          protocol,
          ...patient,
          timeout: '20s',
        })
      test.concurrent.each(storeConformance({ create, capabilities, methods }))(
        '$name',
        async ({ run }) => {
          const { skipped } = await run()
          expect(skipped).toBeUndefined()
        },
      )
    })
  },
)
