import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientProcess } from '@holdfast/lab/client-process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AtOnce } from './clients/client-answers.ts'
import {
  loading,
  type Shared,
  sharedKinds,
  startClients,
  startShared,
  stopClients,
} from './clients/start-clients.ts'

/** 25 rounds of so many reads in each of 4 processes: 10,000. */
const rounds = 25
const readsEach = 100

const operations = ['delete', 'expire', 'invalidateTags', 'expireTags', 'clear', 'set'] as const
const isSoft = (operation: (typeof operations)[number]) => operation.startsWith('expire')

describe.each(sharedKinds('a cluster of valkey'))('processes that share %s', (kind) => {
  let shared: Shared
  /** With a near tier, and without one. */
  let near: ClientProcess[]
  let bare: ClientProcess[]
  beforeAll(async () => {
    shared = await startShared(kind)
    near = await startClients(3, { ...shared.at, patient: true })
    bare = await startClients(2, { ...shared.at, memory: false, patient: true })
  })
  afterAll(async () => {
    await stopClients([...near, ...bare])
    await shared.stop()
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

  async function tallied(clients: readonly ClientProcess[], key: string, options: object) {
    const tally: Record<string, number> = {}
    const tallies = await Promise.all(
      clients.map((each) =>
        each.call<Record<string, number>>('tally', key, readsEach / 2, 'new', options),
      ),
    )
    for (const each of tallies)
      for (const [value, count] of Object.entries(each)) tally[value] = (tally[value] ?? 0) + count
    return tally
  }

  test.each(operations)(
    '%s while another process loads a cold key: 0 of 10,000 later reads are old',
    async (operation) => {
      const [loader, invalidator] = near as [ClientProcess, ClientProcess]
      const readers = [loader, invalidator, near[2]!, bare[0]!]
      const values: Record<string, number> = {}
      const options = { tags: ['a-tag'] }
      for (let round = 0; round < rounds; round++) {
        const key = `cold-${operation}-${round}`
        const begun = loading(loader, key)
        const load = loader.call<string>('wrap', key, undefined, 'old', options)
        await begun
        await run(invalidator, operation, key, options)
        const reading = tallied(readers, key, options)
        await loader.call('release')
        const during = await reading
        expect(await load).toBe('old')
        const after = await tallied(readers, key, options)
        for (const tally of [during, after])
          for (const [value, count] of Object.entries(tally))
            values[value] = (values[value] ?? 0) + count
      }
      expect(Object.values(values).reduce((sum, count) => sum + count, 0)).toBe(10_000)
      expect(values).not.toHaveProperty('old')
      expect(values[operation === 'set' ? 'set' : 'new']).toBeGreaterThan(rounds * readsEach)
    },
    60_000,
  )

  test.each(operations)(
    '%s while another process refreshes a stale key: 0 of 10,000 later reads are old',
    async (operation) => {
      const [loader, invalidator, first, second] = [...bare, ...near] as [
        ClientProcess,
        ClientProcess,
        ClientProcess,
        ClientProcess,
      ]
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
        const load = loader.call<string>('wrap', key, undefined, 'old', {
          ...options,
          refresh: true,
        })
        await begun
        await run(invalidator, operation, key, options)
        const readers = [loader, invalidator, first, second]
        const reading = tallied(readers, key, { ...options, staleWhileRevalidate: 0 })
        await loader.call('release')
        const during = await reading
        await load
        const after = await tallied(readers, key, options)
        for (const tally of [during, after])
          for (const [value, count] of Object.entries(tally))
            values[value] = (values[value] ?? 0) + count
      }
      expect(Object.values(values).reduce((sum, count) => sum + count, 0)).toBe(10_000)
      expect(values).not.toHaveProperty('old')
      if (!isSoft(operation)) expect(values).not.toHaveProperty('older')
    },
    60_000,
  )

  test('expireTags leaves what is under the tag to the stale window, in every process, until it has been refreshed', async () => {
    const key = 'expired-by-tag'
    const windows = { ttl: 60_000, jitter: 0, earlyRefresh: false, staleWhileRevalidate: 60_000 }
    const options = { ...windows, tags: ['a-tag'] }
    const [refresher, ...others] = [...bare, ...near] as [ClientProcess, ...ClientProcess[]]
    await near[0]!.call('set', key, 'kept', options)
    for (const each of near) expect(await each.call('get', key)).toBe('kept')
    await near[1]!.call('expireTags', ['a-tag'])
    const begun = loading(refresher, key)
    expect(await refresher.call('wrap', key, undefined, 'new', options)).toBe('kept')
    await begun
    const wrapped = async (each: ClientProcess) => {
      const { results } = await each.call<AtOnce>('wrapAtOnce', key, 1, 0, 'newer', options)
      return results[0]?.value
    }
    const [first, ...rest] = others
    expect(await wrapped(first!)).toBe('kept')
    // One that is kept from showing signs of life for a second loses its claim to the next who asks.
    for (const each of rest) expect(['kept', 'newer']).toContain(await wrapped(each))
    await refresher.call('release')
    for (const each of others)
      await expect.poll(() => wrapped(each), { timeout: 20_000 }).toMatch(/^newe?r?$/)
  }, 60_000)

  test.each([60_000, 1])(
    'expire of a key with a ttl of %i ms leaves it to the stale window, in every process',
    async (ttl) => {
      const key = `expired-${ttl}`
      const options = { ttl, jitter: 0, earlyRefresh: false, staleIfError: 60_000 }
      await near[0]!.call('set', key, 'kept', options)
      await near[1]!.call('expire', key)
      // The near tier of whoever set it hears of it over the bus.
      await sleep(100)
      for (const each of [...near, ...bare]) {
        const { results, loadedAt } = await each.call<AtOnce>('wrapAtOnce', key, 1, 0, '!down', {
          ...options,
          retryAfterError: 0,
        })
        expect(results).toMatchObject([{ value: 'kept' }])
        expect(loadedAt).toHaveLength(1)
      }
    },
  )
})
