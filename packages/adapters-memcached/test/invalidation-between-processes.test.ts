import type { ClientProcess } from '@holdfast/lab/client-process'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MemcachedProtocol } from '../src/index.ts'
import { loading, startClients, stopClients } from './clients/start-clients.ts'

/** 10 rounds of so many reads in each of 4 processes, during and after: 4,000. */
const rounds = 10
const readsEach = 100

const operations = ['delete', 'expire', 'invalidateTags', 'expireTags', 'clear', 'set'] as const
const isSoft = (operation: (typeof operations)[number]) => operation.startsWith('expire')
type Four = [ClientProcess, ClientProcess, ClientProcess, ClientProcess]

// Without a near tier: what is in another process's memory is believed for a second, as there is no bus.
describe.each<[MemcachedProtocol, number]>([
  ['binary', 1],
  ['meta', 3],
])('processes that share Memcached, %s protocol, %i servers', (protocol, count) => {
  let servers: MemcachedServer[]
  let four: Four
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
    const addresses = servers.map(({ address }) => address)
    four = (await startClients(4, { servers: addresses, protocol, memory: false })) as Four
  }, 60_000)
  afterAll(async () => {
    await stopClients(four)
    await Promise.all(servers.map((server) => server.kill()))
  })

  const run = (
    client: ClientProcess,
    operation: (typeof operations)[number],
    key: string,
    options: object,
  ) => {
    const args = {
      delete: [key],
      expire: [key],
      invalidateTags: [['a-tag']],
      expireTags: [['a-tag']],
      clear: [],
      set: [key, 'set', options],
    }[operation]
    return client.call(operation, ...args)
  }

  /** What all four read, added to `values`. */
  async function read(values: Record<string, number>, key: string, options: object) {
    const tallies = await Promise.all(
      four.map((each) =>
        each.call<Record<string, number>>('tally', key, readsEach / 2, 'new', options),
      ),
    )
    for (const tally of tallies)
      for (const [value, times] of Object.entries(tally))
        values[value] = (values[value] ?? 0) + times
  }
  const total = (values: Record<string, number>) =>
    Object.values(values).reduce((sum, times) => sum + times, 0)

  test.each(operations)(
    '%s while another process loads a cold key: 0 of 4,000 later reads are old',
    async (operation) => {
      const [loader, invalidator] = four
      const values: Record<string, number> = {}
      const options = { tags: ['a-tag'] }
      for (let round = 0; round < rounds; round++) {
        const key = `cold-${operation}-${round}`
        const begun = loading(loader, key)
        const load = loader.call<string>('wrap', key, undefined, 'old', options)
        await begun
        await run(invalidator, operation, key, options)
        const reading = read(values, key, options)
        await loader.call('release')
        await reading
        expect(await load).toBe('old')
        await read(values, key, options)
      }
      expect(total(values)).toBe(4_000)
      expect(values).not.toHaveProperty('old')
      expect(values[operation === 'set' ? 'set' : 'new']).toBeGreaterThan(rounds * readsEach)
    },
    60_000,
  )

  test.each(operations)(
    '%s while another process refreshes a stale key: 0 of 4,000 later reads are old',
    async (operation) => {
      const [loader, invalidator] = four
      const values: Record<string, number> = {}
      const options = {
        tags: ['a-tag'],
        ttl: 60_000,
        jitter: 0,
        earlyRefresh: false,
        staleWhileRevalidate: isSoft(operation) ? 0 : 60_000,
      }
      for (let round = 0; round < rounds; round++) {
        const key = `stale-${operation}-${round}`
        await loader.call('set', key, 'older', { ...options, ttl: 1, staleIfError: 60_000 })
        const begun = loading(loader, key)
        const refresh = { ...options, refresh: true }
        const load = loader.call<string>('wrap', key, undefined, 'old', refresh)
        await begun
        await run(invalidator, operation, key, options)
        const reading = read(values, key, { ...options, staleWhileRevalidate: 0 })
        await loader.call('release')
        await reading
        await load
        await read(values, key, options)
      }
      expect(total(values)).toBe(4_000)
      expect(values).not.toHaveProperty('old')
      if (!isSoft(operation)) expect(values).not.toHaveProperty('older')
    },
    60_000,
  )
})
