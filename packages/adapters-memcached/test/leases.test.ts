import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientProcess } from '@holdfast/lab/client-process'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest'
import type { MemcachedProtocol } from '../src/index.ts'
import type { AtOnce, ClientSettings } from './clients/client-answers.ts'
import { loading, startClients, stopClients } from './clients/start-clients.ts'

const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0)

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000, hookTimeout: 90_000 })

describe.each<[MemcachedProtocol, number]>([
  ['binary', 1],
  ['meta', 1],
  ['meta', 3],
])('processes that share Memcached, %s protocol, %i servers', (protocol, count) => {
  let servers: MemcachedServer[]
  /** Eight of them serve all stories in which nobody dies. */
  let eight: ClientProcess[]
  const settings = (): ClientSettings => ({
    servers: servers.map(({ address }) => address),
    protocol,
    memory: false,
  })
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
    eight = await startClients(8, settings())
  }, 60_000)
  afterAll(async () => {
    await stopClients(eight)
    await Promise.all(servers.map((server) => server.stop()))
  })

  /** Two processes of their own for a story that runs beside others. */
  async function two({ onTestFinished }: TestContext): Promise<[ClientProcess, ClientProcess]> {
    const clients = await startClients(2, settings())
    onTestFinished(() => stopClients(clients).then(() => {}))
    return clients as [ClientProcess, ClientProcess]
  }
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

  // What becomes of a holder does not depend on how many servers there are.
  if (count > 1) return
  describe('holders', () => {
    test('one that is killed frees the key within 1.2 s', async (context) => {
      const [holder, other] = await two(context)
      const begun = loading(holder, 'killed')
      holder.call('wrap', 'killed', 30_000, 'never', {}).catch(() => {})
      await begun
      // Long enough that the holder is known to be alive until the end.
      await sleep(600)
      const next = loading(other, 'killed')
      const waiting = other.call<string>('wrap', 'killed', 0, 'mine', {})
      await sleep(100)
      const killedAt = performance.now()
      await holder.kill('SIGKILL')
      await next
      // The promise, and what crowded cores may add.
      expect(performance.now() - killedAt).toBeLessThan(1_200 + 500)
      expect(await waiting).toBe('mine')
    })

    test('one whose event loop blocks for 500 ms keeps its claim', async (context) => {
      const [holder, other] = await two(context)
      const begun = loading(holder, 'blocked')
      const held = holder.call<string>('wrap', 'blocked', 900, 'held', {})
      await begun
      const waiting = other.call<string>('wrap', 'blocked', 0, 'taken', {})
      await sleep(50)
      await holder.call('block', 500)
      expect(await Promise.all([held, waiting])).toEqual(['held', 'held'])
    })

    // These mostly wait: they can do so at the same time.
    test.concurrent.for([3_000, 6_500])(
      'one that was stopped for %i ms and then wakes stores nothing',
      async (stoppedMs, context) => {
        const [holder, other] = await two(context)
        // Silence ends a claim after 1 s, and its bytes go after 5 s.
        const keys = ['taken-over', 'deleted', 'left'].map((key) => `${key}-${stoppedMs}`)
        const [taken, deleted, left] = keys as [string, string, string]
        const begun = Promise.all(keys.map((key) => loading(holder, key)))
        const held = keys.map((key) => holder.call<string>('wrap', key, 500, 'old', {}))
        await begun
        holder.pause()
        const waits = sleep(stoppedMs)
        expect(
          await Promise.all([taken, deleted].map((key) => other.call('wrap', key, 0, 'new', {}))),
        ).toEqual(['new', 'new'])
        await other.call('delete', deleted)
        await waits
        holder.resume()
        // Its own callers get what they waited for.
        expect(await Promise.all(held)).toEqual(['old', 'old', 'old'])
        await sleep(300)
        for (const reader of [other, holder]) {
          const read = await Promise.all(keys.map((key) => reader.call('get', key)))
          expect(read).toEqual(['new', undefined, undefined])
        }
        expect(await other.call('wrap', left, 0, 'later', {})).toBe('later')
      },
    )
  })
})
