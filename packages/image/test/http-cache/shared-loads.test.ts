import { createCache, memoryStore } from '@holdfast/core'
import { fakeClock, faultyStore } from '@holdfast/core/testing'
import { canarySecret } from '@holdfast/lab/canary'
import { describe, expect, it } from 'vitest'
import { createHttpCache } from '../../src/http-cache/http-cache.ts'
import { answer, ScriptedOrigin, stage } from './scripted-origin.ts'

const url = 'http://origin.test/a'

/** Answers only when it is told to, in the order asked. */
function held(make: (time: number) => Response | Error) {
  const releases: (() => void)[] = []
  let time = 0
  const script = () =>
    new Promise<Response>((resolve, reject) => {
      const made = make(++time)
      releases.push(() => (made instanceof Error ? reject(made) : resolve(made)))
    })
  return {
    script,
    releaseAll: () => {
      for (const release of releases.splice(0)) release()
    },
  }
}

describe('many requests at once', () => {
  it('for one URL are one request to the origin, and all but one say so', async () => {
    const { clock, origin, get } = stage()
    const { script, releaseAll } = held(() => answer('one', 'max-age=60'))
    origin.script = script
    const all = Array.from({ length: 100 }, () => get(url))
    await clock.advance(0)
    releaseAll()
    const answers = await Promise.all(all)
    expect(origin.requests).toHaveLength(1)
    expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['one']))
    expect(answers.filter(({ told }) => told?.includes('collapsed'))).toHaveLength(99)
  })

  it('for answers that turn out to vary get each its own, by one request for each variant', async () => {
    const { clock, origin, get } = stage()
    origin.script = ({ headers }) => answer(headers.get('foo'), 'max-age=60', { vary: 'foo' })
    const asked = Array.from({ length: 30 }, (_, n) => String(n % 3))
    const all = asked.map((foo) => get(url, { headers: { foo } }))
    await clock.advance(0)
    expect((await Promise.all(all)).map(({ body }) => body)).toEqual(asked)
    expect(origin.requests).toHaveLength(3)
  })

  it('for an answer that is for one client only get each their own', async () => {
    const { clock, origin, get } = stage()
    let count = 0
    origin.script = () => answer(String(++count), 'private')
    const all = Array.from({ length: 10 }, () => get(url))
    await clock.advance(0)
    const bodies = (await Promise.all(all)).map(({ body }) => body)
    expect(new Set(bodies).size).toBe(10)
    expect(origin.requests).toHaveLength(10)
  })

  it('for a URL whose answers are private do not wait for each other, for 10 s', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('first', 'private')
    await get(url)
    const { script, releaseAll } = held(() => answer('own', 'max-age=60'))
    origin.script = script
    const atOnce = async () => {
      const before = origin.requests.length
      const all = [get(url), get(url), get(url)]
      await clock.advance(0)
      const asked = origin.requests.length - before
      releaseAll()
      await Promise.all(all)
      return asked
    }
    expect(await atOnce()).toBe(3)
    await clock.advance('10s')
    expect(await atOnce()).toBe(1)
  })

  it('with credentials never get what somebody else’s caused', async () => {
    const { clock, origin, get } = stage()
    origin.script = ({ headers }) => answer(headers.get('authorization'), 'max-age=60')
    const users = Array.from({ length: 10 }, (_, n) => `Bearer ${canarySecret(`user-${n}`)}`)
    const all = users.map((authorization) => get(url, { headers: { authorization } }))
    await clock.advance(0)
    expect((await Promise.all(all)).map(({ body }) => body)).toEqual(users)
  })

  it('for an answer that must be validated each time do not share it', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'no-cache', { etag: '"a"' })
    const all = Array.from({ length: 5 }, () => get(url))
    await clock.advance(0)
    await Promise.all(all)
    expect(origin.requests).toHaveLength(5)
  })

  it('all fail with the error of the one', async () => {
    const { clock, origin, http } = stage()
    const cut = new TypeError('fetch failed')
    const { script, releaseAll } = held(() => cut)
    origin.script = script
    const all = Array.from({ length: 5 }, () => http.fetch(url).catch((error) => error))
    await clock.advance(0)
    releaseAll()
    for (const error of await Promise.all(all)) expect(error).toBe(cut)
    expect(origin.requests).toHaveLength(1)
  })

  it('end one by one by their signals, and the request to the origin with the last', async () => {
    const { clock, origin, http } = stage()
    origin.script = ({ signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    const [one, other] = [new AbortController(), new AbortController()]
    const first = http.fetch(url, { signal: one.signal }).catch((error) => error)
    const second = http.fetch(url, { signal: other.signal }).catch((error) => error)
    await clock.advance(0)
    one.abort(new Error('left'))
    expect(await first).toEqual(new Error('left'))
    expect(origin.last.signal?.aborted).toBe(false)
    other.abort()
    expect((await second).name).toBe('AbortError')
    await clock.advance(0)
    expect(origin.last.signal?.aborted).toBe(true)
  })
})

describe('a caller that leaves while others wait', () => {
  it('leaves no open answer behind that was for it alone', async () => {
    const { clock, origin, http } = stage()
    let isCancelled = false
    const body = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(8)),
        cancel() {
          isCancelled = true
        },
      })
    let release = () => {}
    const network = (async (_: unknown, init?: RequestInit) => {
      if (origin.requests.push(undefined as never) > 1) return answer('own', 'private')
      await new Promise<void>((resolve) => {
        release = resolve
      })
      const response = new Response(body(), { headers: { 'cache-control': 'private' } })
      // As fetch does: with its signal the body ends.
      init?.signal?.addEventListener('abort', () => response.body?.cancel().catch(() => {}))
      return response
    }) as typeof fetch
    const plain = createHttpCache({ cache: createCache({ clock }), clock, fetch: network })
    const leaver = new AbortController()
    const first = plain.fetch(url, { signal: leaver.signal }).catch((error) => error)
    await clock.advance(0)
    const second = plain.fetch(url)
    await clock.advance(0)
    leaver.abort(new Error('left'))
    expect(await first).toEqual(new Error('left'))
    release()
    expect(await (await second).text()).toBe('own')
    expect(isCancelled).toBe(true)
    await http.purge(url)
  })
})

describe('a large body', () => {
  it('streams through, is not kept, and stops when its reader leaves', async () => {
    const { origin, http, get } = stage({ maxBodyBytes: 10 })
    origin.script = answer('0123456789', 'max-age=60')
    await get(url)
    expect((await get(url)).told).toContain('hit')
    const large = 'http://origin.test/large'
    origin.script = answer('0123456789a', 'max-age=60')
    expect(await get(large)).toMatchObject({
      body: '0123456789a',
      told: 'holdfast; fwd=uri-miss; fwd-status=200; detail=too-large',
    })
    expect((await get(large)).body).toBe('0123456789a')
    let isCancelled = false
    const endless = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(8)),
          cancel() {
            isCancelled = true
          },
        }),
        { headers: { 'cache-control': 'max-age=60' } },
      )
    const plain = createHttpCache({
      cache: createCache(),
      maxBodyBytes: 10,
      fetch: async () => endless(),
    })
    const reader = (await plain.fetch(url)).body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(isCancelled).toBe(true)
    await http.purge(url)
  })

  it('of fields, more than any server sends in earnest, is not kept', async () => {
    const { origin, get } = stage()
    origin.script = answer('one', 'max-age=60', { 'x-large': 'x'.repeat(70_000) })
    await get(url)
    await get(url)
    expect(origin.requests).toHaveLength(2)
  })

  it('that was cut off is served as it came, and not kept', async () => {
    const { origin, get } = stage()
    origin.script = answer('half', 'max-age=60', { 'content-length': '8' })
    expect((await get(url)).told).toContain('detail=incomplete')
    await get(url)
    expect(origin.requests).toHaveLength(2)
  })
})

describe('a cache that does not work', () => {
  it('costs a fetch nothing but the cache: closed, switched off, or without its store', async () => {
    const clock = fakeClock()
    const origin = new ScriptedOrigin()
    origin.script = answer('one', 'max-age=60')
    const store = faultyStore(memoryStore({ clock }), { faults: [{ kind: 'reject' }] })
    const shared = createCache({ clock, store, memory: false })
    const off = createCache({ clock, enabled: false })
    const closed = createCache({ clock })
    for (const cache of [shared, off, closed]) {
      const http = createHttpCache({ cache, clock, fetch: origin.fetch })
      if (cache === closed) await cache.close()
      else cache.on('error', () => {})
      expect(await (await http.fetch(url)).text()).toBe('one')
      expect(await (await http.fetch(url, { method: 'POST', body: 'x' })).text()).toBe('one')
    }
    expect(origin.requests).toHaveLength(6)
  })

  it('with something else under a URL’s key serves none of it', async () => {
    const { cache, clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=60')
    const whole = {
      kind: 'response',
      url,
      status: 200,
      statusText: '',
      fields: [['cache-control', 'max-age=60']],
      body: new Uint8Array(),
      requestedAt: clock.now(),
      receivedAt: clock.now(),
      vary: [],
      variant: '',
      variantRest: '',
      variantWeighed: '',
    }
    for (const foreign of [
      'text',
      null,
      { kind: 'response', url, status: 200 },
      { ...whole, fields: [1] },
      { ...whole, fields: [['a', 1]] },
      { ...whole, status: 99 },
      { ...whole, body: 'text' },
      { ...whole, url: `${url}?other` },
      { kind: 'index', url, generation: 1, variants: {} },
      { kind: 'index', url, generation: 'g', variants: [{}], keepUntil: 1 },
      { kind: 'index', url, generation: 'g', variants: [], keepUntil: 1 },
    ]) {
      await cache.namespace('http').set(`url ${url}`, foreign, { ttl: '1h' })
      expect((await get(url)).body).toBe('one')
      expect((await get(url)).told, JSON.stringify(foreign)).toContain('hit')
    }
  })

  it('behind a global fetch that was replaced by it does not call itself', async () => {
    const original = globalThis.fetch
    try {
      globalThis.fetch = (async () => answer('network', 'max-age=60')) as typeof fetch
      globalThis.fetch = createHttpCache({ cache: createCache() }).fetch
      expect(await (await fetch(url)).text()).toBe('network')
    } finally {
      globalThis.fetch = original
    }
  })
})
