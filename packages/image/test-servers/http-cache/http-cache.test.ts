import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createCache } from '@holdfast/core'
import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpCache } from '../../src/http-cache/http-cache.ts'
import { withNetwork } from '../../src/testing/with-network.ts'

interface Seen {
  readonly status: number
  readonly body: string
  readonly told: string
}

let redis: RedisServer
let processes: ClientProcess[]
let origin: string
const asked: IncomingMessage[] = []
const answers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()
const server = createServer((request, response) => {
  asked.push(request)
  answers.get(request.url!)?.(request, response)
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  redis = await startRedis()
  const args = [String(redis.port)]
  processes = await startProcesses(4, new URL('./http-process.ts', import.meta.url), { args })
})

afterAll(async () => {
  await Promise.all((processes ?? []).map((each) => each.stop()))
  await redis?.stop()
  server.closeAllConnections()
  server.close()
})

const timesAsked = (path: string, method = 'GET') =>
  asked.filter((request) => request.url === path && request.method === method).length
const everywhere = (path: string, headers: Record<string, string> = {}) =>
  Promise.all(processes.map((each) => each.call<Seen>('ask', origin + path, headers)))

/**
 * A process that stands still for a second is taken for dead, and another one asks in its place: on a crowded machine
 * so many requests more are right.
 */
async function takenForDead(): Promise<number> {
  const still = await Promise.all(processes.map((each) => each.call<number>('stoodStillMs')))
  return still.filter((ms) => ms > 800).length
}

let crowds = 0

test('125 requests at once in each of 4 processes for one cold URL are one request to the origin', async () => {
  const path = `/cold-${++crowds}`
  // Slow enough that every process has asked before it is there.
  answers.set(path, (_, response) => {
    setTimeout(() => response.setHeader('cache-control', 'max-age=600').end('cold'), 500)
  })
  const crowd = await Promise.all(
    processes.map((each) => each.call<Seen[]>('crowd', origin + path, 125)),
  )
  expect(crowd.flat().map(({ body }) => body)).toEqual(Array(500).fill('cold'))
  const requests = timesAsked(path)
  expect(requests).toBeGreaterThanOrEqual(1)
  expect(requests).toBeLessThanOrEqual(1 + (await takenForDead()))
})

test('what one process fetched, its variants included, another serves', async () => {
  answers.set('/varies', (request, response) => {
    response.setHeader('cache-control', 'max-age=600').setHeader('vary', 'foo')
    response.end(`for ${request.headers.foo}`)
  })
  for (const foo of ['1', '2']) {
    const [first, ...others] = processes
    await first?.call('ask', `${origin}/varies`, { foo })
    for (const other of others) {
      const seen = await other.call<Seen>('ask', `${origin}/varies`, { foo })
      expect(seen.body).toBe(`for ${foo}`)
    }
  }
  expect(timesAsked('/varies')).toBe(2)
})

test('after a POST in one process that process serves nothing old, and the others follow', async () => {
  let version = 1
  answers.set('/changed', (request, response) => {
    if (request.method === 'POST') version++
    response.setHeader('cache-control', 'max-age=600').end(`v${version}`)
  })
  const old = await everywhere('/changed')
  expect(old.map(({ body }) => body)).toEqual(Array(4).fill('v1'))
  expect(await processes[0]?.call('post', `${origin}/changed`)).toBe(200)
  expect((await processes[0]?.call<Seen>('ask', `${origin}/changed`))?.body).toBe('v2')
  await expect
    .poll(async () => (await everywhere('/changed')).map(({ body }) => body), { timeout: 5_000 })
    .toEqual(Array(4).fill('v2'))
})

test('through the network of a test it goes by that network’s look-ups and connections alone', async () => {
  answers.set('/seam', (_, response) => {
    response.setHeader('cache-control', 'max-age=600').end('through the seam')
  })
  const looked: string[] = []
  const cache = createCache()
  const options = withNetwork(
    { cache },
    {
      lookup: async (name) => {
        looked.push(name)
        return [{ address: '203.0.113.7', family: 4 }]
      },
      dial: () => connect((server.address() as AddressInfo).port, '127.0.0.1'),
    },
  )
  const http = createHttpCache(options)
  const url = 'http://name.test:8080/seam'
  expect(await (await http.fetch(url)).text()).toBe('through the seam')
  expect(await (await http.fetch(url)).text()).toBe('through the seam')
  expect(looked).toEqual(['name.test'])
  expect(timesAsked('/seam')).toBe(1)
  await cache.close()
})

test('an answer with content coding is served as the first caller got it', async () => {
  const { gzipSync } = await import('node:zlib')
  answers.set('/coded', (_, response) => {
    response.setHeader('cache-control', 'max-age=600').setHeader('content-encoding', 'gzip')
    response.end(gzipSync('coded'))
  })
  const first = await everywhere('/coded')
  expect(first.map(({ body }) => body)).toEqual(Array(4).fill('coded'))
  expect(timesAsked('/coded')).toBe(1)
})

// The last one: it ends the server.
test('with its Redis killed every fetch goes on, and each process keeps for itself', async () => {
  answers.set('/alone', (_, response) => {
    response.setHeader('cache-control', 'max-age=600').end('alone')
  })
  await redis.stop()
  for (let round = 0; round < 3; round++) {
    const seen = await everywhere('/alone')
    expect(seen.map(({ status, body }) => `${status} ${body}`)).toEqual(Array(4).fill('200 alone'))
  }
  expect(timesAsked('/alone')).toBe(4)
})
