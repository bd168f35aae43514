import { setTimeout as sleep } from 'node:timers/promises'
import { beside } from '@holdfast/lab/beside'
import type { ClientProcess } from '@holdfast/lab/client-process'
import { startFaultProxy } from '@holdfast/lab/fault-proxy'
import { scenarios } from '@holdfast/lab/fault-scenarios'
import { startRedis } from '@holdfast/lab/redis-server'
import { describe, expect, test } from 'vitest'
import type { ClientSettings, Polled } from './clients/client-answers.ts'
import { startClients, stopClients } from './clients/start-clients.ts'

const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`)
/** A process that was kept from running finds out by so much later. */
const crowdedMs = 200

/**
 * Two readers hold all keys in their near tiers and ask for each every 20 ms; a third process deletes one after
 * another. How long after its delete was answered the last call began that a key's old value was served to?
 */
async function longestOld(
  [writer, ...readers]: readonly ClientProcess[],
  everyMs: number,
  afterMs: number,
): Promise<number> {
  const deletedAt: Record<string, number> = {}
  for (const key of keys) await writer!.call('set', key, 'old', {})
  await Promise.all(readers.map((reader) => reader.call('poll', keys, 20)))
  await sleep(200)
  for (const key of keys) {
    await writer!.call('delete', key)
    deletedAt[key] = await writer!.call<number>('now')
    await sleep(everyMs)
  }
  await sleep(afterMs)
  const polled = await Promise.all(readers.map((reader) => reader.call<Polled>('polled')))
  return Math.max(
    ...polled.flatMap(({ lastOldAt }) => {
      // Nothing was shown of a key that was never there.
      expect(Object.keys(lastOldAt).sort()).toEqual([...keys].sort())
      return keys.map((key) => lastOldAt[key]! - deletedAt[key]!)
    }),
  )
}

describe.each(['redis', 'valkey'] as const)('over %s,', (engine) => {
  describe.concurrent('no near tier serves a deleted value', () => {
    test('longer than a moment while the bus carries', async (context) => {
      const { clients } = await started(context, engine, {})
      expect(await longestOld(clients, 5, 300)).toBeLessThan(100 + crowdedMs)
    })

    test('for more than 3.1 s when the bus is cut for 2 s', async (context) => {
      const { clients, proxy } = await started(context, engine, {})
      const cut = sleep(300).then(async () => {
        proxy.use(scenarios.blackHole)
        await sleep(2_000)
        proxy.use(scenarios.healthy)
      })
      expect(await longestOld(clients, 40, 3_300)).toBeLessThan(3_100 + crowdedMs)
      await cut
    })

    test('for more than 3.1 s when the bus stays down', async (context) => {
      const { clients, proxy } = await started(context, engine, {})
      const cut = sleep(300).then(() => proxy.use(scenarios.blackHole))
      expect(await longestOld(clients, 40, 3_300)).toBeLessThan(3_100 + crowdedMs)
      await cut
    })

    test('for more than 3.1 s when subscribers are thrown out again and again', async (context) => {
      const { clients, server } = await started(context, engine, {})
      const stopThrowing = beside(async (isOn) => {
        // Not before the near tiers are full, and believe that they will be told.
        await sleep(400)
        while (isOn()) {
          await sleep(250)
          await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
        }
      })
      expect(await longestOld(clients, 40, 3_300)).toBeLessThan(3_100 + crowdedMs)
      await stopThrowing()
    })

    test('for more than 1.1 s where there is no bus', async (context) => {
      const { clients } = await started(context, engine, { bus: false })
      expect(await longestOld(clients, 20, 1_300)).toBeLessThan(1_100 + crowdedMs)
    })
  })
})

async function started(
  { onTestFinished }: { onTestFinished(end: () => Promise<void>): void },
  engine: 'redis' | 'valkey',
  settings: Partial<ClientSettings>,
) {
  const server = await startRedis({ engine })
  const proxy = await startFaultProxy({ upstream: { port: server.port } })
  const bus = settings.bus === false ? settings : { busPort: proxy.port }
  const clients = await startClients(3, { port: server.port, patient: true, ...bus })
  onTestFinished(async () => {
    await stopClients(clients)
    await proxy.stop()
    await server.stop()
  })
  return { server, proxy, clients }
}
