import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { png } from '../../test/image-cache/pictures.ts'

interface Seen {
  readonly status: number
  readonly bytes: number
  readonly cacheStatus: string
  readonly age: number
}

let redis: RedisServer
let processes: ClientProcess[]
let origin: string
const asked: string[] = []
const answers = new Map<string, (response: ServerResponse) => void>()
const server = createServer((request, response) => {
  asked.push(request.url!)
  answers.get(request.url!)?.(response)
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  redis = await startRedis()
  const args = [String(redis.port), origin]
  processes = await startProcesses(4, new URL('./image-process.ts', import.meta.url), { args })
})

afterAll(async () => {
  await Promise.all((processes ?? []).map((each) => each.stop()))
  await redis?.stop()
  server.closeAllConnections()
  server.close()
})

const timesAsked = (path: string) => asked.filter((each) => each === path).length
const everywhere = (path: string) =>
  Promise.all(processes.map((each) => each.call<Seen>('ask', origin + path)))

const picture = png(64, 64)
function good(response: ServerResponse, maxAge: number): void {
  const headers = { 'content-length': picture.length, 'cache-control': `max-age=${maxAge}` }
  response.writeHead(200, { ...headers, date: new Date().toUTCString() }).end(picture)
}

/**
 * A process that stands still for a second is taken for dead, and another one downloads in its place: on a crowded
 * machine so many downloads more are right.
 */
async function takenForDead(): Promise<number> {
  const still = await Promise.all(processes.map((each) => each.call<number>('stoodStillMs')))
  return still.filter((ms) => ms > 800).length
}

let crowds = 0

test('500 requests at once in each of 4 processes for one cold image are one download', async () => {
  const path = `/cold-${++crowds}.png`
  // Slow enough that every process has asked before it is there.
  answers.set(path, (response) => setTimeout(good, 500, response, 600))
  const crowd = await Promise.all(
    processes.map((each) => each.call<Seen[]>('crowd', origin + path, 500)),
  )
  const seen = crowd.flat()
  expect(seen).toHaveLength(2_000)
  expect(new Set(seen.map(({ status, bytes }) => `${status} ${bytes}`))).toEqual(
    new Set([`200 ${picture.length}`]),
  )
  const downloads = timesAsked(path)
  expect(downloads).toBeGreaterThanOrEqual(1)
  expect(downloads).toBeLessThanOrEqual(1 + (await takenForDead()))
})

test('an image that is not there is asked for by each process at most once a minute', async () => {
  answers.set('/none.png', (response) => response.writeHead(404).end())
  for (let round = 0; round < 5; round++) {
    expect((await everywhere('/none.png')).map(({ status }) => status)).toEqual([
      404, 404, 404, 404,
    ])
  }
  expect(timesAsked('/none.png')).toBeLessThanOrEqual(4)
})

test('an origin that is down is stood in for, and is fresh again within its Retry-After', async () => {
  const path = '/outage.png'
  answers.set(path, (response) => good(response, 1))
  for (const seen of await everywhere(path)) expect(seen.status).toBe(200)
  const askedBefore = timesAsked(path)
  answers.set(path, (response) => response.writeHead(503, { 'retry-after': '2' }).end())
  await sleep(1_500)
  const down = await everywhere(path)
  const downAt = performance.now()
  for (const { status, bytes, cacheStatus } of down) {
    expect([status, bytes]).toEqual([200, picture.length])
    expect(cacheStatus).toMatch(
      /^holdfast; (hit|fwd=stale; fwd-status=503); ttl=-\d+; detail=stale-if-error\/status$/,
    )
  }
  for (let round = 0; round < 5; round++) await everywhere(path)
  // A process that joined another's load the first time may find out for itself, once.
  expect(timesAsked(path) - askedBefore).toBeLessThanOrEqual(processes.length)
  answers.set(path, (response) => good(response, 600))
  // Two seconds after the last 503; what the machine was late by is not the promise's.
  let fresh: Seen[] = []
  do {
    await sleep(50)
    fresh = await everywhere(path)
  } while (
    !fresh.every(({ cacheStatus }) => !cacheStatus.includes('stale-if-error')) &&
    performance.now() - downAt < 10_000
  )
  const tookMs = performance.now() - downAt
  expect(fresh.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  for (const { cacheStatus } of fresh) expect(cacheStatus).not.toContain('stale-if-error')
  expect(tookMs).toBeLessThan(2_000 + 1_500)
})

test('what one process purges is gone in all', async () => {
  answers.set('/purged.png', (response) => good(response, 600))
  await everywhere('/purged.png')
  await processes[0]!.call('purge', `${origin}/purged.png`)
  const before = timesAsked('/purged.png')
  await expect
    .poll(async () => {
      const peeks = await Promise.all(
        processes.map((each) => each.call('peek', `${origin}/purged.png`)),
      )
      return peeks.filter((status) => status !== undefined)
    })
    .toEqual([])
  await everywhere('/purged.png')
  expect(timesAsked('/purged.png')).toBe(before + 1)
})

test('no process connects to an address that is not admitted, whatever its origin redirects to', async () => {
  const targets = ['http://169.254.169.254/', 'http://[::ffff:127.0.0.1]/', 'http://127.0.0.2/']
  for (const [place, location] of targets.entries()) {
    answers.set(`/redirect${place}`, (response) => response.writeHead(302, { location }).end())
    const code = await processes[0]!.call('code', `${origin}/redirect${place}`)
    expect(['origin', 'address', 'redirect']).toContain(code)
  }
})
