import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, test } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { createCache } from '../../src/cache.ts'
import { inspector } from '../../src/telemetry/inspector/inspector.ts'

let server: Server | undefined

afterEach(async () => {
  const started = server
  server = undefined
  if (started !== undefined) await new Promise((resolve) => started.close(resolve))
})

async function listen(listener: RequestListener): Promise<string> {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`
}

const own = { 'x-holdfast-inspector': '1', 'content-type': 'application/json' }
const post = (url: string, body: unknown, headers: Record<string, string> = own) =>
  fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })

describe('the inspector in node:http', () => {
  test('answers under whatever path it is put, and purges', async () => {
    const cache = createCache()
    await cache.set('a', 1)
    const inspect = inspector(cache, { authorize: () => true })
    const origin = await listen((request, response) => inspect.node(request, response))
    const page = await fetch(`${origin}/some/where`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain('Holdfast')
    const head = await fetch(`${origin}/`, { method: 'HEAD' })
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(10_000)
    expect((await fetch(`${origin}/?view=state`)).status).toBe(200)
    const purged = await post(`${origin}/some/where?do=purge`, { cache: 'default', key: 'a' })
    expect(purged.status).toBe(200)
    expect(await cache.get('a')).toBeUndefined()
    const foreign = { ...own, origin: 'http://elsewhere.example' }
    expect((await post(`${origin}/?do=purge`, {}, foreign)).status).toBe(403)
    const same = { ...own, origin }
    expect((await post(`${origin}/?do=purge`, { cache: 'default', key: 'a' }, same)).status).toBe(
      200,
    )
    expect((await post(`${origin}/?do=purge`, 'x'.repeat(100_000))).status).toBe(400)
  })

  test('shows authorize the request as Node has it, and lets nobody in where it fails', async () => {
    const seen: (IncomingMessage | undefined)[] = []
    const inspect = inspector(createCache(), {
      authorize(request, _, incoming) {
        seen.push(incoming)
        if (request.headers.get('authorization') !== `Bearer ${canarySecret('right')}`)
          throw new Error(canarySecret('thrown'))
        return incoming?.socket.remoteAddress === '127.0.0.1'
      },
    })
    const origin = await listen((request, response) => inspect.node(request, response))
    const right = await fetch(origin, {
      headers: { authorization: `Bearer ${canarySecret('right')}` },
    })
    expect(right.status).toBe(200)
    const wrong = await fetch(origin)
    expect([wrong.status, await wrong.text()]).toEqual([500, ''])
    expect(seen).toHaveLength(2)
    expect(seen[0]?.url).toBe('/')
  })

  test('is mounted in Express, behind a parser that has read the body, and tells next of failures', async () => {
    const cache = createCache()
    await cache.set('a', 1)
    const inspect = inspector(cache, {
      authorize(_, right, incoming) {
        if (incoming?.headers['x-user'] === 'broken') throw new Error('directory away')
        return right === 'read' || incoming?.headers['x-user'] === 'admin'
      },
    })
    const app = express()
    app.use(express.json())
    app.use('/admin/cache', inspect.node)
    app.use(((error, _request, response, _next) => {
      response.status(418).send(error.message)
    }) satisfies express.ErrorRequestHandler)
    const origin = await listen(app)
    const url = `${origin}/admin/cache?do=purge`
    expect((await fetch(`${origin}/admin/cache`)).status).toBe(200)
    expect((await post(url, { cache: 'default', key: 'a' })).status).toBe(403)
    expect(await cache.get('a')).toBe(1)
    const admin = { ...own, 'x-user': 'admin' }
    expect((await post(url, { cache: 'default', key: 'a' }, admin)).status).toBe(200)
    expect(await cache.get('a')).toBeUndefined()
    const broken = await fetch(`${origin}/admin/cache`, { headers: { 'x-user': 'broken' } })
    expect([broken.status, await broken.text()]).toEqual([418, 'directory away'])
  })

  test('answers over HTTP/2, whose requests carry the host and the path among their headers', async () => {
    const hosts: string[] = []
    const inspect = inspector(createCache(), {
      authorize: (request) => hosts.push(new URL(request.url).host) > 0,
    })
    // HTTP/2's requests and responses are made to be used like those of HTTP/1.
    const started = createHttp2Server((request, response) =>
      inspect.node(request as never, response as never),
    )
    started.listen(0, '127.0.0.1')
    await once(started, 'listening')
    const host = `127.0.0.1:${(started.address() as AddressInfo).port}`
    const client = connect(`http://${host}`)
    const ask = async (headers: Record<string, string>, body?: string) => {
      const stream = client.request(headers)
      stream.end(body)
      const [answered] = await once(stream, 'response')
      stream.resume()
      await once(stream, 'end')
      return answered[':status']
    }
    const purge = { ...own, ':method': 'POST', ':path': '/?do=purge', origin: `http://${host}` }
    expect(await ask({ ':path': '/?view=state' })).toBe(200)
    expect(await ask(purge, '{"cache":"default","key":"a"}')).toBe(200)
    expect(hosts).toEqual([host, host])
    client.close()
    await new Promise((resolve) => started.close(resolve))
  })
})
