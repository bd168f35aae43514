import { createServer, get as getOverHttp, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import {
  type CacheOptions,
  InvalidOptionError,
  memoryStore,
  type Store,
  StoreError,
} from '@holdfast/core'
import { canary, canarySecret } from '@holdfast/lab/canary'
import { afterEach, describe, expect, it } from 'vitest'
import { adminHandler } from '../../src/serve/admin-handler.ts'
import type { ImageHandlerOptions } from '../../src/serve/handler-options.ts'
import { createImageHandler } from '../../src/serve/image-handler.ts'
import { signUrl } from '../../src/serve/sign-url.ts'
import { toNode } from '../../src/serve/to-node.ts'
import { setup as setUp, url } from '../image-cache/origin.ts'
import { png } from '../image-cache/pictures.ts'

const closing: (() => Promise<unknown>)[] = []

async function setup(options: ImageHandlerOptions = {}, ...rest: Parameters<typeof setUp>) {
  const made = await setUp(...rest)
  closing.push(() => made.close())
  made.origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  const handler = createImageHandler(made.images, options)
  const ask = (path: string, init: RequestInit = {}) =>
    handler(new Request(`http://cache.example${path}`, init))
  const get = (headers: Record<string, string> = {}, of = url) =>
    ask(`/?url=${encodeURIComponent(of)}`, { headers })
  return { ...made, handler, ask, get }
}

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

describe('an image that is served', () => {
  it('is described so that a browser can do nothing with it but show it', async () => {
    const { get, origin } = await setup()
    origin.answer = () => ({
      body: png(2, 3),
      headers: {
        'cache-control': 'max-age=60',
        'content-type': 'image/jpeg',
        'content-disposition': 'attachment; filename="evil.exe"',
        'set-cookie': 'a=b',
        'x-powered-by': 'x',
      },
    })
    const response = await get()
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toEqual({
      'accept-ranges': 'bytes',
      age: '0',
      'cache-control': 'public, max-age=60',
      'cache-status': 'holdfast; fwd=uri-miss; fwd-status=200; ttl=60; stored',
      'content-disposition': 'inline; filename="image.png"',
      'content-length': String(png(2, 3).length),
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      'content-type': 'image/png',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      'x-content-type-options': 'nosniff',
    })
    expect((await bytesOf(response)).equals(png(2, 3))).toBe(true)
  })

  it('says what the cache did: hit, revalidated, collapsed, stale, not stored', async () => {
    const { get, origin, clock } = await setup()
    const etag = '"v1"'
    const headers = { 'cache-control': 'max-age=60', etag }
    origin.answer = (request) =>
      request.headers['if-none-match'] === etag
        ? { status: 304, headers }
        : { body: png(2, 3), headers }
    const status = async () => (await get()).headers.get('cache-status')
    const both = await Promise.all([status(), status()])
    expect(both).toEqual([
      'holdfast; fwd=uri-miss; fwd-status=200; ttl=60; stored',
      'holdfast; fwd=uri-miss; fwd-status=200; ttl=60; stored; collapsed',
    ])
    await clock.advance('10s')
    expect(await status()).toBe('holdfast; hit; ttl=50')
    await clock.advance('51s')
    expect(await status()).toBe('holdfast; fwd=stale; fwd-status=304; ttl=60; stored')
    await clock.advance('61s')
    origin.answer = () => ({ status: 503 })
    const down = await get()
    expect(down.status).toBe(200)
    expect(down.headers.get('cache-control')).toBe('public, max-age=0')
    expect(down.headers.get('cache-status')).toBe(
      'holdfast; fwd=stale; fwd-status=503; ttl=-1; detail=stale-if-error/status',
    )
    expect(await status()).toBe('holdfast; hit; ttl=-1; detail=stale-if-error/status')
    origin.answer = () => ({ body: png(1, 1), headers: { 'cache-control': 'no-store' } })
    const passing = await get({}, `${url}?2`)
    expect(passing.headers.get('cache-control')).toBe('private, no-store')
    expect(passing.headers.get('cache-status')).toMatch(/fwd=uri-miss.*detail=no-store$/)
  })

  const large = Buffer.concat([png(2, 3), Buffer.alloc(5_000)])
  const failing = (store: Store): Store => ({
    ...store,
    replace: () =>
      Promise.reject(new StoreError('full', { kind: 'full', store: 'm', operation: 'replace' })),
  })
  const storing: [string, () => CacheOptions, string][] = [
    ['a store that takes it', () => ({ store: memoryStore() }), 'stored'],
    [
      'a store that takes it and nothing kept in memory',
      () => ({ store: memoryStore(), memory: false }),
      'stored',
    ],
    ['no store and a memory that takes it', () => ({}), 'stored'],
    [
      'a store that takes no image so large',
      () => ({ store: memoryStore({ maxValueBytes: 3_000 }) }),
      'detail=unstored',
    ],
    [
      'a store that takes no image so large and nothing kept in memory',
      () => ({ store: memoryStore({ maxValueBytes: 3_000 }), memory: false }),
      'detail=unstored',
    ],
    ['a store that fails to take it', () => ({ store: failing(memoryStore()) }), 'detail=unstored'],
    ['a memory that is too small', () => ({ memory: { maxBytes: 3_000 } }), 'detail=unstored'],
  ]
  it.each(storing)('says whether it was stored: %s', async (_what, cacheOptions, said) => {
    const { get, origin, cache, clock } = await setup({}, {}, { bus: false, ...cacheOptions() })
    cache.on('error', () => {})
    origin.answer = () => ({ body: large, headers: { 'cache-control': 'max-age=60', etag: '"1"' } })
    const told = async () => {
      const [status, ...words] = (await get()).headers.get('cache-status')!.split('; ')
      return [status, ...words.filter((word) => !/^ttl|^collapsed/.test(word))].join('; ')
    }
    const all = await Promise.all(Array.from({ length: 20 }, told))
    expect(new Set(all)).toEqual(new Set([`holdfast; fwd=uri-miss; fwd-status=200; ${said}`]))
    expect(origin.hits).toBe(1)
    if (said !== 'stored') return
    expect(await told()).toBe('holdfast; hit')
    await clock.advance('61s')
    origin.answer = () => ({ status: 304, headers: { 'cache-control': 'max-age=60', etag: '"1"' } })
    expect(await told()).toBe('holdfast; fwd=stale; fwd-status=304; stored')
  })

  it('says nothing of the cache where it is hidden, and its tags where they are asked for', async () => {
    const hidden = await setup({ expose: false })
    await hidden.get()
    await hidden.clock.advance('20s')
    const answer = await hidden.get()
    expect(answer.headers.get('age')).toBeNull()
    expect(answer.headers.get('cache-status')).toBeNull()
    // Nobody behind it can count Age in, so it is counted in here.
    expect(answer.headers.get('cache-control')).toBe('public, max-age=40')
    const tagged = await setup({ expose: { tags: true } })
    tagged.origin.answer = () => ({
      body: png(1, 1),
      headers: { 'cache-control': 'max-age=60', 'surrogate-key': 'a b' },
    })
    const { headers } = await tagged.get()
    expect([headers.get('cache-tag'), headers.get('surrogate-key')]).toEqual(['a,b', 'a b'])
  })

  it('is a 304 for whoever has it, and not for whoever has another', async () => {
    const { get } = await setup()
    const etag = (await get()).headers.get('etag')!
    for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const response = await get({ 'if-none-match': tags })
      expect([response.status, response.headers.get('etag')]).toEqual([304, etag])
      expect(response.headers.get('content-length')).toBeNull()
      expect((await bytesOf(response)).length).toBe(0)
    }
    expect((await get({ 'if-none-match': '"x", W/"y"' })).status).toBe(200)
  })

  it('is described to HEAD as to GET, without its bytes', async () => {
    const { ask, get } = await setup()
    await get()
    const whole = await get()
    const head = await ask(`/?url=${encodeURIComponent(url)}`, { method: 'HEAD' })
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(whole.headers))
    expect((await bytesOf(head)).length).toBe(0)
  })

  it('is served in parts', async () => {
    const { get } = await setup()
    const whole = png(2, 3)
    const part = async (range: string, more = {}) => {
      const response = await get({ range, ...more })
      const { status, headers } = response
      return [status, headers.get('content-range'), (await bytesOf(response)).toString('hex')]
    }
    const size = whole.length
    const slice = (from: number, to: number) => whole.subarray(from, to).toString('hex')
    expect(await part('bytes=0-3')).toEqual([206, `bytes 0-3/${size}`, slice(0, 4)])
    expect(await part('bytes=5-')).toEqual([206, `bytes 5-${size - 1}/${size}`, slice(5, size)])
    expect(await part('bytes=-4')).toEqual([
      206,
      `bytes ${size - 4}-${size - 1}/${size}`,
      slice(size - 4, size),
    ])
    expect(await part(`bytes=${size}-`)).toEqual([416, `bytes */${size}`, ''])
    expect(await part('bytes=0-1,3-4')).toEqual([200, null, slice(0, size)])
    expect(await part('bytes=0-3', { 'if-range': '"other"' })).toEqual([200, null, slice(0, size)])
    const etag = (await get()).headers.get('etag')!
    expect((await part('bytes=0-3', { 'if-range': etag }))[0]).toBe(206)
  })

  it('is not changed for others by whoever changes what it got', async () => {
    const { get } = await setup()
    for (let round = 0; round < 3; round++) {
      const bytes = new Uint8Array(await (await get()).arrayBuffer())
      expect(Buffer.from(bytes).equals(png(2, 3))).toBe(true)
      bytes.fill(0)
    }
  })
})

describe('a condition that wants what is there', () => {
  it('is a 412 for anything else, by strong comparison, and before any other condition', async () => {
    const { get } = await setup()
    const etag = (await get()).headers.get('etag')!
    const statusOf = async (headers: Record<string, string>) => (await get(headers)).status
    expect(await statusOf({ 'if-match': etag })).toBe(200)
    expect(await statusOf({ 'if-match': `"x", ${etag}` })).toBe(200)
    expect(await statusOf({ 'if-match': '*' })).toBe(200)
    expect(await statusOf({ 'if-match': etag, range: 'bytes=0-1' })).toBe(206)
    expect(await statusOf({ 'if-match': etag, 'if-none-match': etag })).toBe(304)
    for (const wrong of ['"x"', `W/${etag}`, etag.slice(1, -1)]) {
      expect(await statusOf({ 'if-match': wrong, 'if-none-match': etag })).toBe(412)
      expect(await statusOf({ 'if-match': wrong, range: 'bytes=0-1' })).toBe(412)
    }
  })
})

describe('a request that is refused', () => {
  it.each([
    ['POST', `/?url=${encodeURIComponent(url)}`, 405, 'method'],
    ['GET', '/', 400, 'url'],
    ['GET', '/?url=', 400, 'url'],
    ['GET', `/?url=${encodeURIComponent(url)}&url=x`, 400, 'url'],
    ['GET', `/?url=${encodeURIComponent(url)}&w=100`, 400, 'url'],
    ['GET', '/?url=not%20a%20url', 400, 'url'],
    ['GET', '/?url=http%3A%2F%2Fevil.test%2F', 403, 'origin'],
    ['GET', '/?url=file%3A%2F%2F%2Fetc%2Fpasswd', 403, 'scheme'],
    ['GET', '/?url=http%3A%2F%2Fa%3Ab%40img.example.com%2F', 403, 'credentials'],
    ['GET', '/?url=http%3A%2F%2Fimg.example.com%3A22%2F', 403, 'port'],
  ])('%s %s is a %i with the code %s and nothing else', async (method, path, status, code) => {
    const { ask, origin } = await setup()
    const response = await ask(path, { method })
    expect([response.status, await response.text()]).toEqual([status, code])
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null)
    expect(origin.dials).toEqual([])
  })

  it.each([
    [{ status: 404 }, 404, 'status'],
    [{ status: 410 }, 404, 'status'],
    [{ status: 403, body: Buffer.from('secret text') }, 502, 'status'],
    [{ body: Buffer.from('<html>'), headers: { 'content-type': 'text/html' } }, 502, 'type'],
    [{ body: png(2, 3).subarray(0, 50) }, 502, 'truncated'],
    [{ status: 302, headers: { location: 'http://169.254.169.254/latest' } }, 403, 'origin'],
  ])('by its origin with %o is a %i with the code %s', async (answer, status, code) => {
    const { get, origin, passing } = await setup()
    origin.answer = () => answer
    const response = await passing(get())
    expect([response.status, await response.text()]).toEqual([status, code])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('because it has been here already is a 508', async () => {
    const { get } = await setup()
    expect((await get({ 'cdn-loop': 'a, holdfast; b=c' })).status).toBe(508)
    expect((await get({ 'cdn-loop': 'other' })).status).toBe(200)
  })

  it('by authorize is refused before anything is read', async () => {
    const seen: string[] = []
    const { get, origin, cache } = await setup({
      authorize: async (request) => {
        seen.push(request.headers.get('cookie') ?? '')
        return request.headers.get('cookie') === 'good'
      },
    })
    expect((await get({ cookie: 'good' })).status).toBe(200)
    const { hits } = cache.stats()
    const response = await get({ cookie: 'bad' })
    expect([response.status, await response.text()]).toEqual([403, 'forbidden'])
    expect(cache.stats().hits).toBe(hits)
    expect(seen).toEqual(['good', 'bad'])
    expect(origin.requests[0]?.headers.cookie).toBeUndefined()
  })

  it('by the throttle is a 429 that says when to come again, before anything is read', async () => {
    const { get, clock, origin } = await setup({
      throttle: {
        perSecond: 1,
        burst: 2,
        client: (request) => request.headers.get('x-client') ?? '',
      },
    })
    const statuses = async (client: string) => (await get({ 'x-client': client })).status
    expect([await statuses('a'), await statuses('a')]).toEqual([200, 200])
    const refused = await get({ 'x-client': 'a' }, `${url}?never`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    expect(origin.hits).toBe(1)
    expect(await statuses('b')).toBe(200)
    await clock.advance('1s')
    expect(await statuses('a')).toBe(200)
  })
})

describe('signed requests', () => {
  const pairs = [
    { key: canarySecret('new'), salt: canary },
    { key: canarySecret('old'), salt: canary },
  ]
  const path = `/?url=${encodeURIComponent(url)}`

  it('are served for any pair, and nothing else is', async () => {
    const { ask, clock } = await setup({ signing: { pairs } })
    for (const pair of pairs) expect((await ask(`/${signUrl(path, pair)}${path}`)).status).toBe(200)
    const other = signUrl(path, { key: canarySecret('other'), salt: canary })
    const wrong = [
      path,
      `/${other}${path}`,
      `/x${path}`,
      `/${signUrl(path, pairs[0]!)}${path}&exp=1`,
    ]
    for (const request of wrong) {
      const response = await ask(request)
      expect([response.status, await response.text()]).toEqual([403, 'signature'])
    }
    const exp = Math.floor(clock.now() / 1_000) + 60
    const ending = `/exp:${exp}${path}`
    const request = `/${signUrl(ending, pairs[0]!)}${ending}`
    expect((await ask(request)).status).toBe(200)
    await clock.advance('60s')
    const late = await ask(request)
    expect([late.status, await late.text()]).toEqual([403, 'expired'])
  })

  it('verify whatever characters the URL has, also those that parsers write in another way', async () => {
    const { ask, origin } = await setup({ signing: { pairs } })
    const odd = `http://img.example.com/a'b(c)!*~ü%20"<>.png?q='x'&r=%27`
    const signed = `/?url=${encodeURIComponent(odd)}`
    expect((await ask(`/${signUrl(signed, pairs[0]!)}${signed}`)).status).toBe(200)
    expect(origin.requests[0]?.url).toBe(new URL(odd).href)
  })

  it('stand under a path of their own, and unsigned ones beside them where that is allowed', async () => {
    const { ask } = await setup({ signing: { pairs, required: false }, base: '/images/' })
    expect((await ask(`/images/${signUrl(path, pairs[0]!)}${path}`)).status).toBe(200)
    expect((await ask(`/images${path}`)).status).toBe(200)
    expect((await ask(`/images/wrong${path}`)).status).toBe(403)
  })

  it.each([
    [{ signing: { pairs: [], required: true } }, /signing\.pairs/],
    [{ signing: { required: true } }, /signing\.pairs/],
    [{ signing: { pairs: [{ key: '', salt: '' }] } }, /signing\.pairs\[0\]\.key/],
    [{ throttle: { perSecond: 0 } }, /throttle\.perSecond/],
    [{ expose: { ages: true } }, /'ages'.*'age'/],
    [{ authorise: () => true }, /'authorise'.*'authorize'/],
    [{ base: 'images' }, /base/],
  ])('without a key, or with %o, refuse to be built', async (options, message) => {
    const { images } = await setup()
    expect(() => createImageHandler(images, options as never)).toThrow(InvalidOptionError)
    expect(() => createImageHandler(images, options as never)).toThrow(message)
  })
})

describe('toNode', () => {
  async function listen(handler: (request: Request) => Promise<Response>) {
    const failures: unknown[] = []
    const node = toNode(handler)
    const server: Server = createServer((request, response) => node(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    const { port } = server.address() as AddressInfo
    return { at: `http://127.0.0.1:${port}`, port, failures }
  }

  it('serves what the handler in fetch style serves, byte for byte', async () => {
    const { handler, ask } = await setup()
    const { at } = await listen(handler)
    const path = `/?url=${encodeURIComponent(url)}`
    await ask(path)
    const inits: RequestInit[] = [
      {},
      { method: 'HEAD' },
      { headers: { range: 'bytes=1-4' } },
      { headers: { range: 'bytes=9999-' } },
      { method: 'POST' },
    ]
    for (const init of inits) {
      const [direct, served] = [await ask(path, init), await fetch(at + path, init)]
      expect(served.status).toBe(direct.status)
      for (const [name, value] of direct.headers) expect(served.headers.get(name)).toBe(value)
      expect((await bytesOf(served)).equals(await bytesOf(direct))).toBe(true)
    }
    const unchanged = await fetch(at + path, { headers: { 'if-none-match': '*' } })
    expect(unchanged.status).toBe(304)
  })

  it('takes the whole URL for the path in it, signatures included', async () => {
    const pair = { key: canarySecret('key'), salt: canary }
    const { handler, images } = await setup({ signing: { pairs: [pair] } })
    const { port } = await listen(handler)
    const path = `/?url=${encodeURIComponent(url)}`
    const signed = `/${signUrl(path, pair)}${path}`
    const ask = (target: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        getOverHttp({ port, host: '127.0.0.1', path: target }, (response) => {
          response.resume()
          resolve(response.statusCode)
        }).on('error', reject)
      })
    expect(await ask(signed)).toBe(200)
    expect(await ask(`http://evil.example${signed}`)).toBe(200)
    expect(await ask(`HTTPS://evil.example:1${signed}`)).toBe(200)
    expect(await ask(`http://evil.example${path}`)).toBe(403)
    expect(await ask(`ftp://evil.example${signed}`)).toBe(403)
    expect(images.peek(url)).toBeDefined()
  })

  it('answers a body that nobody takes with a 413', async () => {
    const { images } = await setup()
    const { at } = await listen(adminHandler(images, { authorize: () => true }))
    const headers = { 'content-type': 'application/json' }
    const body = 'x'.repeat(1_000_001)
    const response = await fetch(`${at}/purge`, { method: 'POST', headers, body })
    expect(response.status).toBe(413)
    await response.body?.cancel()
  })

  it('serves HTTP/2 as well', async () => {
    const { handler } = await setup({
      authorize: (request) => request.headers.get('x-key') === canary,
    })
    const node = toNode(handler) as unknown as Parameters<typeof createHttp2>[1]
    const server = createHttp2({}, node)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    closing.push(async () => {
      client.destroy()
      server.close()
    })
    const ask = (key: string) =>
      new Promise<[unknown, Buffer]>((resolve, reject) => {
        const stream = client.request({ ':path': `/?url=${encodeURIComponent(url)}`, 'x-key': key })
        const parts: Buffer[] = []
        let status: unknown
        stream.on('response', (headers) => {
          status = headers[':status']
        })
        stream.on('data', (part: Buffer) => parts.push(part))
        stream.on('end', () => resolve([status, Buffer.concat(parts)]))
        stream.on('error', reject)
      })
    expect(await ask(canary)).toEqual([200, png(2, 3)])
    expect(await ask('x')).toEqual([403, Buffer.from('forbidden')])
  })

  it('knows the client by its address', async () => {
    const { handler } = await setup({ throttle: { perSecond: 0.1, burst: 1 } })
    const { at } = await listen(handler)
    const path = `${at}/?url=${encodeURIComponent(url)}`
    expect((await fetch(path)).status).toBe(200)
    const second = await fetch(path)
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '10'])
  })

  it('lets a client that leaves go, and the others have the image', async () => {
    const { handler, origin } = await setup()
    let answer!: () => void
    const after = new Promise<void>((resolve) => {
      answer = resolve
    })
    origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' }, after })
    const { at, port } = await listen(handler)
    const path = `/?url=${encodeURIComponent(url)}`
    const leaver = connect(port, '127.0.0.1')
    leaver.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const stays = fetch(at + path)
    await expect.poll(() => origin.hits).toBe(1)
    leaver.destroy()
    answer()
    expect((await stays).status).toBe(200)
    expect(origin.hits).toBe(1)
  })

  it('carries any handler in fetch style, its body included, and hides what it throws', async () => {
    const { at } = await listen(async (request) => {
      if (request.url.endsWith('/throws')) throw new Error(canary)
      return new Response(`${request.method} ${await request.text()}`, { status: 201 })
    })
    const response = await fetch(`${at}/x`, { method: 'POST', body: 'hello' })
    expect([response.status, await response.text()]).toEqual([201, 'POST hello'])
    const failed = await fetch(`${at}/throws`)
    expect([failed.status, await failed.text()]).toEqual([500, ''])
    expect((await fetch(`${at}/x`, { method: 'POST', body: 'x'.repeat(1_100_000) })).status).toBe(
      413,
    )
  })
})
