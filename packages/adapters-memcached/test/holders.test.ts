import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientProcess } from '@holdfast/lab/client-process'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { MemcachedProtocol } from '../src/index.ts'
import { loading, startClients, stopClients } from './clients/start-clients.ts'
import { watchLag } from './open-driver.ts'

const protocols: readonly MemcachedProtocol[] = ['binary', 'meta']
const stories = ['killed', 'blocked', '3000', '6500'] as const

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000, hookTimeout: 90_000 })

/** Two processes for each story, by its name: they mostly wait, and do so at the same time. */
const pairs = new Map<string, readonly ClientProcess[]>()
let servers: MemcachedServer[]
beforeAll(async () => {
  servers = await Promise.all(protocols.map(() => startMemcached()))
  await Promise.all(
    protocols.flatMap((protocol, index) =>
      stories.map(async (story) => {
        const settings = { servers: [servers[index]!.address], protocol, memory: false } as const
        pairs.set(`${protocol} ${story}`, await startClients(2, settings))
      }),
    ),
  )
})
afterAll(async () => {
  await stopClients([...pairs.values()].flat())
  await Promise.all(servers.map((server) => server.kill()))
})

describe.concurrent.each(protocols)('a holder of a claim on Memcached, %s protocol', (protocol) => {
  const pairOf = (story: string) =>
    pairs.get(`${protocol} ${story}`) as readonly [ClientProcess, ClientProcess]

  test.concurrent('one that is killed frees the key within 1.2 s', async ({ onTestFinished }) => {
    const [holder, other] = pairOf('killed')
    const begun = loading(holder, 'killed')
    holder.call('wrap', 'killed', 30_000, 'never', {}).catch(() => {})
    await begun
    // Long enough that the holder is known to be alive until the end.
    await sleep(600)
    const next = loading(other, 'killed')
    const waiting = other.call<string>('wrap', 'killed', 0, 'mine', {})
    await sleep(100)
    const lag = watchLag(onTestFinished)
    const killedAt = performance.now()
    await holder.kill('SIGKILL')
    await next
    // The promise, and what crowded cores may add.
    expect(performance.now() - killedAt).toBeLessThan(1_200 + 500 + lag.allowanceMs())
    expect(await waiting).toBe('mine')
  })

  test.concurrent('one whose event loop blocks for 500 ms keeps its claim', async () => {
    const [holder, other] = pairOf('blocked')
    const begun = loading(holder, 'blocked')
    const held = holder.call<string>('wrap', 'blocked', 900, 'held', {})
    await begun
    const waiting = other.call<string>('wrap', 'blocked', 0, 'taken', {})
    await sleep(50)
    await holder.call('block', 500)
    expect(await Promise.all([held, waiting])).toEqual(['held', 'held'])
  })

  test.concurrent.for([3_000, 6_500])(
    'one that was stopped for %i ms and then wakes stores nothing',
    async (stoppedMs) => {
      const [holder, other] = pairOf(`${stoppedMs}`)
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
