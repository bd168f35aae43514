import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientProcess } from '@holdfast/lab/client-process'
import { type FaultProxy, startFaultProxy } from '@holdfast/lab/fault-proxy'
import { type Scenario, scenarios } from '@holdfast/lab/fault-scenarios'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Traffic } from './clients/client-answers.ts'
import { startClients, stopClients } from './clients/start-clients.ts'

interface Place {
  readonly server: RedisServer
  readonly proxy: FaultProxy
}
type Fault = readonly [
  name: string,
  begin: (place: Place) => unknown,
  end: (place: Place) => unknown,
]

const network = (name: string, scenario: Scenario): Fault => [
  name,
  ({ proxy }) => proxy.use(scenario),
  ({ proxy }) => proxy.use(scenarios.healthy),
]

const faults: readonly Fault[] = [
  ['a server that is stopped', ({ server }) => server.pause(), ({ server }) => server.resume()],
  ['a server that is killed', ({ server }) => server.kill(), ({ server }) => server.restart()],
  network('replies that come 2 s late', scenarios.slowReplies),
  network('a half-open socket', scenarios.halfOpen),
  network('connections reset in mid-reply', scenarios.resetInReply),
  network('garbage for replies', scenarios.garbage),
  network('one lost reply', scenarios.lostReply),
]

const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`)
const perSecond = 500
/** The fault begins so long after the traffic, and lasts longer than what was loaded in it is believed. */
const calmMs = 1_000
const faultMs = 6_000
const trafficMs = calmMs + faultMs + 3_500
const outageMemoMs = 5_000

async function isShared(client: ClientProcess, server: RedisServer): Promise<boolean> {
  const key = `probe-${Math.random()}`
  await client.call('wrap', key, 0, 'v', {})
  return (await server.command('EXISTS', `default:${key}`)) === 1
}

const p99 = (times: readonly number[]) =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0

describe.each(['redis', 'valkey'] as const)('under 500 requests a second, over %s,', (engine) => {
  describe.concurrent('no wrap fails or waits long, and the origin is spared', () => {
    test.each(faults)(
      'with %s',
      async (_, begin, end) => {
        const server = await startRedis({ engine })
        const proxy = await startFaultProxy({ upstream: { port: server.port }, framing: 'resp' })
        const place = { server, proxy }
        const [near] = await startClients(1, { port: proxy.port })
        const [bare, prober] = await startClients(2, { port: proxy.port, memory: false })
        onTestFinished(async () => {
          server.resume()
          await stopClients([near!, bare!, prober!])
          await proxy.stop()
          await server.stop()
        })

        const running = [near!, bare!].map((client) =>
          client.call<Traffic>('traffic', keys, perSecond, trafficMs),
        )
        await sleep(calmMs)
        await begin(place)
        await sleep(faultMs)
        await end(place)
        const endedAt = performance.now()
        while (!(await isShared(prober!, server))) await sleep(20)
        const recoveredMs = performance.now() - endedAt
        const traffics = await Promise.all(running)

        for (const traffic of traffics) {
          const { failed, wrong, times, lagMs } = traffic
          const inFault = times.filter(({ atMs }) => atMs > calmMs + 300 && atMs < calmMs + faultMs)
          console.log(engine, _, {
            calls: traffic.calls,
            worst: Math.max(...times.map(({ ms }) => ms)),
            lagMs,
            p99calm: p99(
              times.filter(({ atMs }) => atMs > 200 && atMs < calmMs).map(({ ms }) => ms),
            ),
            p99: p99(inFault.map(({ ms }) => ms)),
            recoveredMs,
            loads: Object.values(traffic.loadedAt).flat().length,
          })
          expect({ failed, wrong }).toEqual({ failed: 0, wrong: 0 })
          expect(Math.max(...times.map(({ ms }) => ms)) - 2 * lagMs).toBeLessThan(250)
        }
        for (const [key, loadedAt] of Object.entries(traffics[0]!.loadedAt)) {
          const gaps = loadedAt.slice(1).map((at, index) => at - loadedAt[index]!)
          for (const gap of gaps)
            expect(gap, `${key}: ${loadedAt.join()}`).toBeGreaterThan(outageMemoMs)
        }
        expect(recoveredMs).toBeLessThan(3_000 + 300)
      },
      60_000,
    )
  })
})
