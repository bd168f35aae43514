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
vi.setConfig({ maxConcurrency: 64, testTimeout: 120_000 })

beforeAll(async () => {
  // Cases that store 8 MiB run at the same time as those that must find again what they stored.
  servers = await Promise.all([1, 2, 3].map(() => startMemcached({ args: ['-m', '512'] })))
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()))
})

const stores = (['binary', 'meta'] as const).flatMap((protocol: MemcachedProtocol) => [
  {
    name: `one server, ${protocol} protocol`,
    create: () => memcachedStore({ servers: [servers[0]!.address], protocol, ...patient }),
  },
  {
    name: `a fleet of three, ${protocol} protocol`,
    create: () =>
      memcachedStore({
        servers: servers.map(({ address }) => address),
        protocol,
        ...patient,
        timeout: '20s',
      }),
  },
])

/** Cases that wait for something to end can wait together. Those that work would only make them late. */
const waits = /time to live|touch|end|wrap round/

describe.each(stores)('$name', ({ create }) => {
  const cases = storeConformance({ create, capabilities, methods })
  test.each(cases.filter(({ name }) => !waits.test(name)))('$name', async ({ run }) => {
    expect((await run()).skipped).toBeUndefined()
  })
})

describe('what ends by itself', () => {
  const cases = stores.flatMap(({ name, create }) =>
    storeConformance({ create, capabilities, methods })
      .filter((each) => waits.test(each.name))
      .map((each) => ({ ...each, on: name })),
  )
  test.concurrent.each(cases)('$on: $name', async ({ run }) => {
    expect((await run()).skipped).toBeUndefined()
  })
})
