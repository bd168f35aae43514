import { createHmac } from 'node:crypto'
import { canarySecret } from '@holdfast/lab/canary'
import { afterEach, describe, expect, it } from 'vitest'
import { adminHandler } from '../../src/serve/admin-handler.ts'
import { setup as setUp, url } from '../image-cache/origin.ts'
import { png } from '../image-cache/pictures.ts'

const closing: (() => Promise<unknown>)[] = []
const secret = canarySecret('webhook')
const admin = `Bearer ${canarySecret('admin')}`

async function setup() {
  const made = await setUp()
  closing.push(() => made.close())
  made.origin.answer = (request) =>
    request.url === '/gone'
      ? { status: 404 }
      : {
          body: png(2, 3),
          headers: { 'cache-control': 'max-age=600', etag: '"1"', 'cache-tag': 'cats' },
        }
  const handler = adminHandler(made.images, {
    authorize: (request) => request.headers.get('authorization') === admin,
    webhooks: [
      { match: 'http://img.example.com', secret },
      { match: 'http://other.example.com/own/', secret },
    ],
  })
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await handler(
      new Request(`http://admin.example/cache${path}`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    )
    expect(response.headers.get('cache-control')).toBe('no-store')
    return { status: response.status, body: await response.json() }
  }
  const asAdmin = (path: string, body: unknown) => post(path, body, { authorization: admin })
  const hook = (body: object, at = made.clock.now(), key = secret) => {
    const text = JSON.stringify(body)
    const timestamp = String(Math.floor(at / 1_000))
    const signature = createHmac('sha256', key).update(`${timestamp}.${text}`).digest('hex')
    return post('/webhook', text, {
      'x-holdfast-timestamp': timestamp,
      'x-holdfast-signature': signature,
    })
  }
  return { ...made, handler, post, asAdmin, hook }
}

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe('the admin handler', () => {
  it('refuses to be built without authorize, and to do anything without its yes', async () => {
    const { images, post } = await setup()
    expect(() => adminHandler(images, {} as never)).toThrow(/authorize must be a function/)
    for (const webhooks of [[null], ['http://a'], [{ match: 'http://a', secret, more: 1 }]]) {
      const wrong = { authorize: () => true, webhooks } as never
      expect(() => adminHandler(images, wrong)).toThrow(/webhooks\[0\]/)
    }
    await images.get(url)
    expect(await post('/purge', { urls: [url] })).toEqual({
      status: 403,
      body: { error: 'forbidden' },
    })
    expect(
      (await post('/purge', { urls: [url] }, { authorization: `Bearer ${canarySecret('x')}` }))
        .status,
    ).toBe(403)
    expect((await images.get(url)).status).toBe('hit')
  })

  it('purges by URL, softly or not, by origin and by tag', async () => {
    const { images, asAdmin } = await setup()
    const wishes = [
      [{ urls: [url] }, 'miss'],
      [{ urls: [url], soft: true }, 'miss'],
      [{ origin: 'http://img.example.com' }, 'miss'],
      [{ origin: 'http://other.example.com' }, 'hit'],
      [{ tags: ['cats'] }, 'miss'],
      [{ tags: ['dogs'] }, 'hit'],
    ] as const
    for (const [wish, status] of wishes) {
      await images.get(url)
      expect((await asAdmin('/purge', wish)).status).toBe(200)
      expect((await images.get(url)).status, JSON.stringify(wish)).toBe(status)
    }
  })

  it('warms, and names what could not be', async () => {
    const { images, asAdmin } = await setup()
    const gone = 'http://img.example.com/gone'
    expect(await asAdmin('/warm', { urls: [url, gone] })).toEqual({
      status: 200,
      body: { loaded: 1, failed: [{ url: gone, error: 'status' }] },
    })
    expect(images.peek(url)).toBeDefined()
  })

  it('takes nothing but JSON by POST that it understands whole', async () => {
    const { handler, asAdmin, post } = await setup()
    const authorization = admin
    const ask = async (path: string, init: RequestInit) =>
      (await handler(new Request(`http://admin.example${path}`, init))).status
    expect(await ask('/purge', { headers: { authorization } })).toBe(405)
    expect(await ask('/other', { method: 'POST', headers: { authorization } })).toBe(404)
    expect(
      await ask('/purge', { method: 'POST', headers: { authorization }, body: 'urls=x' }),
    ).toBe(415)
    for (const body of [
      '',
      '{',
      '[]',
      'null',
      { urls: url },
      { urls: [1] },
      { url },
      { soft: 1 },
    ]) {
      expect(await asAdmin('/purge', body)).toEqual({ status: 400, body: { error: 'body' } })
    }
    expect(await asAdmin('/purge', { urls: ['no url'] })).toEqual({
      status: 400,
      body: { error: 'url' },
    })
    const large = { urls: ['x'.repeat(1_000_001)] }
    expect((await post('/purge', large, { authorization })).status).toBe(413)
  })

  it('reads no more of a body without end than it takes, before it knows who sent it', async () => {
    const { handler } = await setup()
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 100_000
        controller.enqueue(new Uint8Array(100_000).fill(0x20))
      },
    })
    const response = await handler(
      new Request('http://admin.example/cache/webhook', {
        method: 'POST',
        body,
        duplex: 'half',
        headers: { 'content-type': 'application/json' },
      } as RequestInit),
    )
    expect(response.status).toBe(413)
    expect(pulled).toBeLessThan(2_000_000)
  })

  it('lets an origin purge what is its own, by its signature, for five minutes', async () => {
    const { images, hook, clock, post } = await setup()
    await images.get(url)
    expect((await hook({ urls: [url] })).status).toBe(200)
    expect((await images.get(url)).status).toBe('miss')
    expect(await hook({ urls: [url, 'http://other.example.com/a'] })).toEqual({
      status: 403,
      body: { error: 'origin' },
    })
    const wrong = { status: 403, body: { error: 'signature' } }
    expect(await hook({ urls: [url] }, clock.now(), canarySecret('another'))).toEqual(wrong)
    expect(await hook({ urls: [url] }, clock.now() - 301_000)).toEqual(wrong)
    expect(await post('/webhook', { urls: [url] })).toEqual(wrong)
    expect(await post('/webhook', { urls: [url] }, { authorization: admin })).toEqual(wrong)
    // One secret may stand for several origins.
    const both = { urls: [url, 'http://other.example.com/own/a'] }
    expect((await hook(both)).status).toBe(200)
    // Only by URL: tags and origins may be others' too.
    await images.get(url)
    expect((await hook({ tags: ['cats'], urls: [url] })).status).toBe(400)
    expect((await images.get(url)).status).toBe('hit')
  })
})
