import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientProcess } from '@holdfast/lab/client-process'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { MemcachedProtocol } from '../src/index.ts'
import type { AtOnce, ClientSettings } from './clients/client-answers.ts'
import { loading, startClients, stopClients } from './clients/start-clients.ts'

const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0)

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

/** They serve all stories: starting them takes longer than what they do. */
let eight: ClientProcess[]
beforeAll(async () => {
  const server = await startMemcached()
  const settings = { servers: [server.address], protocol: 'binary', memory: false } as const
  eight = await startClients(8, settings)
  await server.kill()
})
afterAll(() => stopClients(eight))

describe.each<[MemcachedProtocol, number]>([
  ['binary', 1],
  ['meta', 1],
  ['meta', 3],
])('processes that share Memcached, %s protocol, %i servers', (protocol, count) => {
  let servers: MemcachedServer[]
  const settings = (): ClientSettings => ({
    servers: servers.map(({ address }) => address),
    protocol,
    memory: false,
  })
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
    await Promise.all(eight.map((each) => each.call('use', settings())))
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()))
  })

  const allAtOnce = (key: string, loadMs: number, outcome: string, options = {}) =>
    Promise.all(
      eight.map((each) => each.call<AtOnce>('wrapAtOnce', key, 25, loadMs, outcome, options)),
    )

  test('8 with 25 callers each load a cold key once, and all callers get the value', async () => {
    for (let round = 0; round < 5; round++) {
      const answers = await allAtOnce(`cold-${round}`, 50, `v${round}`)
      expect(sum(answers.map(({ loads }) => loads))).toBe(1)
      const results = answers.flatMap((each) => each.results)
      expect(results).toHaveLength(200)
      expect(results.every(({ value }) => value === `v${round}`)).toBe(true)
      // This machine runs other tests meanwhile.
      expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThan(50 + 1_000)
    }
  })

  test('a failing loader: its error for all callers, one try at once in each process', async () => {
    const answers = await allAtOnce('bad', 200, '!broken')
    const results = answers.flatMap((each) => each.results)
    expect(results.map(({ error }) => error)).toEqual(Array(200).fill('broken'))
    expect(answers.map(({ loads }) => loads)).toEqual(Array(8).fill(1))
    // One after another they would take 8 times 200 ms.
    expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThan(1_400)
  })

  test('a stale key is refreshed once, and nobody waits', async () => {
    const options = { ttl: 300, staleWhileRevalidate: 60_000, jitter: 0, earlyRefresh: false }
    await eight[0]?.call('wrap', 'stale', 0, 'one', options)
    await sleep(400)
    const before = await Promise.all(eight.map((each) => each.call<number>('loads')))
    const answers = await allAtOnce('stale', 1_000, 'two', options)
    const results = answers.flatMap((each) => each.results)
    expect(results.map(({ value }) => value)).toEqual(Array(200).fill('one'))
    expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThan(900)
    await expect
      .poll(() => Promise.all(eight.map((each) => each.call('get', 'stale'))), { timeout: 5_000 })
      .toEqual(Array(8).fill('two'))
    const after = await Promise.all(eight.map((each) => each.call<number>('loads')))
    expect(sum(after) - sum(before)).toBe(1)
  })

  test('a delete while another process loads: the loaded value is not kept', async () => {
    const [loader, deleter] = [eight[0]!, eight[1]!]
    for (let round = 0; round < 10; round++) {
      const key = `deleted-${round}`
      const begun = loading(loader, key)
      const loaded = loader.call('wrap', key, 60, 'old', {})
      await begun
      await deleter.call('delete', key)
      // Whoever waited for the load gets it all the same.
      expect(await loaded).toBe('old')
      const read = await Promise.all(eight.map((each) => each.call('get', key)))
      expect(read).toEqual(Array(8).fill(undefined))
    }
  })
})
