import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { canary } from '@holdfast/lab/canary'
import { until } from '@holdfast/lab/until'
import { afterEach, describe, expect, it } from 'vitest'
import { ImageError } from '../../src/image-error.ts'
import { guardedFetch } from '../../src/network/guarded-fetch.ts'
import type { GuardOptions } from '../../src/network/options.ts'

const opened: { server: Server; sockets: Set<Socket> }[] = []
afterEach(async () => {
  for (const { server, sockets } of opened.splice(0)) {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** A real origin on loopback, reached over the machine's own network. */
async function originOn(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push({ server, sockets })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, sockets, connections: () => connections }
}

const lax = (url: string, more: Partial<GuardOptions> = {}): GuardOptions => ({
  origins: [url],
  network: { schemes: ['http'], allowPrivate: ['127.0.0.0/8'] },
  ...more,
})

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'admitted',
    (error: unknown) => (error instanceof ImageError ? error.code : String(error)),
  )

const echo = (request: IncomingMessage, response: ServerResponse) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    response.setHeader('x-one', ['a', 'b'])
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(parts).toString() }))
  })
}

describe('an answer', () => {
  it('is a Response with its status, headers, body and URL', async () => {
    const { url } = await originOn(echo)
    const response = await guardedFetch(lax(url))(`${url}/a?b#c`)
    expect(response).toBeInstanceOf(Response)
    expect([response.status, response.ok, response.redirected]).toEqual([200, true, false])
    expect(response.url).toBe(`${url}/a?b#c`)
    expect(response.headers.get('x-one')).toBe('a, b')
    expect(await response.json()).toMatchObject({ method: 'GET', url: '/a?b' })
  })

  it.each([204, 304, 400, 404, 500, 599])('of status %i is returned as it is', async (status) => {
    const { url } = await originOn((_, response) => response.writeHead(status).end())
    const response = await guardedFetch(lax(url))(url)
    expect(response.status).toBe(status)
    expect(await response.text()).toBe('')
  })

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['identity', (bytes: Buffer) => bytes],
  ] as const)('in %s is decoded (%#)', async (coding, encode) => {
    const words = 'what the origin says '.repeat(5_000)
    const { url } = await originOn((_, response) => {
      response.setHeader('content-encoding', coding)
      response.end(encode(Buffer.from(words)))
    })
    const response = await guardedFetch(lax(url))(url)
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(await response.text()).toBe(words)
  })

  it('streams: its first bytes are there before its last are sent', async () => {
    let finish = () => {}
    const { url } = await originOn((_, response) => {
      response.write('first')
      finish = () => response.end('last')
    })
    const reader = (await guardedFetch(lax(url))(url)).body!.getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('first')
    finish()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('last')
    expect((await reader.read()).done).toBe(true)
  })

  it('that is not read further closes its connection', async () => {
    const { url, sockets } = await originOn((_, response) => response.write('x'.repeat(100_000)))
    const response = await guardedFetch(lax(url))(url)
    expect(sockets.size).toBe(1)
    await response.body!.cancel()
    await until('the connection is closed', () => sockets.size === 0)
  })

  it('that nobody reads is closed at the deadline', async () => {
    const { url, sockets } = await originOn((_, response) => response.write('x'.repeat(100_000)))
    const response = await guardedFetch(lax(url, { limits: { deadline: '100ms' } }))(url)
    await until('the connection is closed', () => sockets.size === 0)
    expect(await codeOf(response.text())).toBe('timeout')
  })

  it('is refused while it is read where it is too large, cut, or broken', async () => {
    const { url } = await originOn((request, response) => {
      if (request.url === '/large') response.end(Buffer.alloc(2_000, 1))
      if (request.url === '/chunked')
        for (let part = 0; part < 20; part++) response.write(Buffer.alloc(200))
      if (request.url === '/cut') {
        response.setHeader('content-length', 100)
        response.write('x', () => response.destroy())
      }
      if (request.url === '/chunked-cut') response.write('x', () => response.destroy())
      if (request.url === '/broken') {
        response.setHeader('content-encoding', 'gzip')
        response.end('no gzip')
      }
    })
    const fetched = guardedFetch(lax(url, { limits: { bytes: 1_000 } }))
    expect(await codeOf(fetched(`${url}/large`))).toBe('size')
    for (const [path, code] of [
      ['chunked', 'size'],
      ['cut', 'truncated'],
      ['chunked-cut', 'truncated'],
      ['broken', 'encoding'],
    ] as const) {
      const response = await fetched(`${url}/${path}`)
      expect(await codeOf(response.arrayBuffer()), path).toBe(code)
    }
  })

  it('ends with the reason of the caller who leaves, before or while it is read', async () => {
    const { url, sockets } = await originOn((request, response) => {
      if (request.url === '/body') response.write('x')
    })
    for (const path of ['/head', '/body']) {
      const caller = new AbortController()
      const pending = guardedFetch(lax(url))(url + path, { signal: caller.signal })
      const read = pending.then((response) => response.text())
      read.catch(() => {})
      if (path === '/body') await pending
      else await until('the request is there', () => sockets.size > 0)
      caller.abort(new Error('left'))
      await expect(read).rejects.toThrow('left')
      await until('the connection is closed', () => sockets.size === 0)
    }
    const gone = guardedFetch(lax(url))(url, { signal: AbortSignal.abort(new Error('gone')) })
    await expect(gone).rejects.toThrow('gone')
  })
})

describe('a request', () => {
  it('has the method, headers and body of its init or Request', async () => {
    const { url } = await originOn(echo)
    const fetched = guardedFetch(lax(url))
    const init = { method: 'POST', headers: { 'x-a': 'b' }, body: 'héllo' }
    for (const response of [
      await fetched(url, init),
      await fetched(new URL(url), init),
      await fetched(new Request(url, init)),
    ]) {
      expect(await response.json()).toMatchObject({
        method: 'POST',
        body: 'héllo',
        headers: {
          'x-a': 'b',
          'content-length': '6',
          host: new URL(url).host,
          'accept-encoding': 'identity',
        },
      })
    }
    const head = await fetched(url, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it.each([
    ['http://user:pass@127.0.0.1/', 'credentials'],
    ['http://elsewhere.example/', 'origin'],
    ['ftp://127.0.0.1/', 'scheme'],
    ['relative', 'url'],
  ])('to %s is a rejection, never a throw', async (target, code) => {
    const { url } = await originOn(echo)
    const pending = guardedFetch(lax(url))(target)
    expect(pending).toBeInstanceOf(Promise)
    expect(await codeOf(pending)).toBe(code)
    const nothing = guardedFetch(lax(url))(undefined as never)
    expect(await codeOf(nothing)).toBe('url')
  })

  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [307, 'POST', 'POST'],
    [308, 'PUT', 'PUT'],
    [302, 'PUT', 'PUT'],
  ])('redirected by %i from %s goes on as %s', async (status, method, expected) => {
    let second: IncomingMessage | undefined
    const { url } = await originOn((request, response) => {
      if (request.url === '/a') return void response.writeHead(status, { location: '/b' }).end()
      second = request
      echo(request, response)
    })
    const body = method === 'HEAD' ? null : 'words'
    const response = await guardedFetch(lax(url))(`${url}/a`, { method, body })
    expect([second?.method, response.url, response.redirected]).toEqual([
      expected,
      `${url}/b`,
      true,
    ])
    if (expected !== 'HEAD')
      expect(await response.json()).toMatchObject({ body: expected === 'GET' ? '' : 'words' })
  })

  it("follows init.redirect, and returns a redirect's answer where it is 'manual'", async () => {
    const { url } = await originOn((_, response) =>
      response.writeHead(302, { location: '/b' }).end(),
    )
    const response = await guardedFetch(lax(url))(url, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([302, '/b'])
    expect(await codeOf(guardedFetch(lax(url))(url, { redirect: 'error' }))).toBe('redirect')
  })

  it('does not tell another host what was meant for the first', async () => {
    const there = await originOn(echo)
    const here = await originOn((_, response) =>
      response.writeHead(302, { location: `${there.url}/` }).end(),
    )
    const fetched = guardedFetch({
      ...lax(here.url),
      origins: [{ match: here.url, headers: { 'x-key': canary } }, there.url],
    })
    const headers = { authorization: canary, cookie: canary, 'x-other': 'kept' }
    const told = (await (await fetched(here.url, { headers })).json()) as { headers: object }
    expect(told.headers).toMatchObject({ 'x-other': 'kept' })
    for (const name of ['authorization', 'cookie', 'x-key'])
      expect(told.headers).not.toHaveProperty(name)
  })
})

describe('a connection', () => {
  it('is used again by the same guard, and never by another', async () => {
    const { url, connections } = await originOn(echo)
    const one = guardedFetch(lax(url))
    await (await one(url)).text()
    await (await one(url)).text()
    expect(connections()).toBe(1)
    await (await guardedFetch(lax(url))(url)).text()
    expect(connections()).toBe(2)
    // A guard that admits no private address does not ride on what the others have opened.
    const strict = guardedFetch({ origins: [url], network: { schemes: ['http'] } })
    expect(await codeOf(strict(url))).toBe('address')
  })

  it('that the origin has closed in between is replaced, unnoticed', async () => {
    const { url, sockets, connections } = await originOn(echo)
    const fetched = guardedFetch(lax(url))
    for (let round = 1; round <= 5; round++) {
      await Promise.all([1, 2, 3].map(async () => (await fetched(url)).text()))
      // Without waiting for the client to notice.
      for (const socket of sockets) socket.resetAndDestroy()
    }
    expect(connections()).toBeGreaterThanOrEqual(5)
  })

  it('to another origin stays where one was closed', async () => {
    const here = await originOn(echo)
    const there = await originOn(echo)
    const fetched = guardedFetch({ ...lax(here.url), origins: [here.url, there.url] })
    for (const { url } of [here, there]) await (await fetched(url)).text()
    for (const socket of here.sockets) socket.resetAndDestroy()
    for (const { url } of [here, there]) await (await fetched(url)).text()
    expect([here.connections(), there.connections()]).toEqual([2, 1])
  })

  it('to nobody is refused at once', async () => {
    const { url } = await originOn(echo)
    const [{ server, sockets }] = opened.splice(0) as [(typeof opened)[number]]
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
    await expect(guardedFetch(lax(url))(url)).rejects.toMatchObject({
      code: 'network',
      status: 502,
      retryable: true,
    })
  })

  it('to a name tries its addresses one after the other', async () => {
    const { port } = await originOn(echo)
    const url = `http://localhost:${port}`
    const options = lax(url)
    const network = { schemes: ['http'], allowPrivate: ['127.0.0.0/8', '::1'] } as const
    // Where the machine knows ::1 for it, nobody listens there.
    const response = await guardedFetch({ ...options, network })(url)
    expect(await response.json()).toMatchObject({ headers: { host: `localhost:${port}` } })
    expect(
      await codeOf(guardedFetch({ origins: [url], network: { schemes: ['http'] } })(url)),
    ).toBe('address')
  })
})
