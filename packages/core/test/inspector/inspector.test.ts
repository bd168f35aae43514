import { createHash } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { canary, canaryKey } from '../../../../lab/src/canary.ts'
import { leaksIn } from '../../../../lab/src/leak-scan.ts'
import { type Cache, createCache } from '../../src/cache.ts'
import { InvalidOptionError } from '../../src/errors.ts'
import { encryptedStore } from '../../src/store/encrypted-store.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { type Inspector, inspector } from '../../src/telemetry/inspector/inspector.ts'
import type { InspectorOptions } from '../../src/telemetry/inspector/inspector-options.ts'
import { fakeCache } from '../../src/testing/fake-cache.ts'
import { faultyStore } from '../../src/testing/faulty-store.ts'

const site = 'http://inside.example/cache'
const own = { 'x-holdfast-inspector': '1', 'content-type': 'application/json' }
const everybody = { authorize: () => true }

const get = (inspect: Inspector, query = '', init: RequestInit = {}) =>
  inspect(new Request(site + query, init))

const post = (
  inspect: Inspector,
  verb: string,
  body: unknown,
  headers: Record<string, string> = own,
) =>
  inspect(
    new Request(`${site}?do=${verb}`, { method: 'POST', headers, body: JSON.stringify(body) }),
  )

const stateOf = async (inspect: Inspector, query = '') =>
  (await (await get(inspect, `?view=state${query}`)).json()) as {
    names: string[]
    cache: Record<string, never>
  }

describe('without authorize the inspector', () => {
  test.each<[unknown, RegExp]>([
    [undefined, /authorize must be a function \(request, right\).*no default/],
    [{}, /authorize must be a function/],
    [{ authorize: true }, /authorize must be a function.*it was true/],
    [{ authorise: () => true }, /no option 'authorise'; did you mean 'authorize'/],
    [{ ...everybody, refresh: 10 }, /refresh must be a duration of at least 500 ms/],
    [{ ...everybody, refresh: Infinity }, /refresh must be/],
    [{ ...everybody, clock: {} }, /clock must be a clock/],
  ])('refuses to be built: %o', (options, message) => {
    const build = () => inspector(createCache(), options as InspectorOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })

  test.each<[unknown, RegExp]>([
    [undefined, /must be a cache/],
    [[], /at least one cache/],
    [{}, /at least one cache/],
    [[{}], /each of .* must be a cache/],
    [{ one: createCache(), two: 'x' }, /each of .* must be a cache/],
    [[createCache(), createCache()], /names of their own; 'default' came twice/],
  ])('and shows caches alone: %o', (caches, message) => {
    const build = () => inspector(caches as Cache, everybody)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })
})

describe('who is not authorized', () => {
  const questions: [string, RequestInit][] = [
    ['', {}],
    ['?view=state', {}],
    ['?view=state&cache=people', {}],
    ['?view=nonsense', {}],
    ['', { method: 'HEAD' }],
    ['', { method: 'DELETE' }],
    ['?do=explain', { method: 'POST', headers: own, body: '{"cache":"people","key":"ada"}' }],
    ['?do=purge', { method: 'POST', headers: own, body: '{"cache":"people","key":"ada"}' }],
    ['?do=nonsense', { method: 'POST', headers: own, body: 'not JSON' }],
  ]

  test.each([false, undefined, 'true', 1, {}, Promise.resolve(false), Promise.resolve('yes')])(
    'gets a 403 and not one byte about caches, whatever is asked: authorize says %o',
    async (said) => {
      const cache = createCache({ name: 'people' })
      await cache.set('ada', 'lovelace', { tags: ['byron'] })
      const touched = (['stats', 'health', 'explain', 'delete', 'expire', 'on'] as const).map(
        (verb) => vi.spyOn(cache, verb),
      )
      const inspect = inspector({ people: cache }, { authorize: () => said as boolean })
      for (const [query, init] of questions) {
        const request = new Request(site + query, init)
        const response = await inspect(request)
        expect(response.status).toBe(403)
        const text = [...response.headers, await response.text()].join('\n')
        expect(text).not.toMatch(/people|ada|lovelace|byron/)
        expect(request.bodyUsed).toBe(false)
      }
      for (const spy of touched) expect(spy).not.toHaveBeenCalled()
      expect(await cache.get('ada')).toBe('lovelace')
      await cache.close()
    },
  )

  test('is asked about by what is wanted: to read, or to purge', async () => {
    const rights: string[] = []
    const inspect = inspector(createCache(), {
      authorize(request, right, incoming) {
        expect(request).toBeInstanceOf(Request)
        expect(incoming).toBeUndefined()
        rights.push(`${request.method} ${new URL(request.url).search} ${right}`)
        return right === 'read'
      },
    })
    for (const [query, init] of questions) await get(inspect, query, init)
    expect(rights).toEqual([
      'GET  read',
      'GET ?view=state read',
      'GET ?view=state&cache=people read',
      'GET ?view=nonsense read',
      'HEAD  read',
      'DELETE  read',
      'POST ?do=explain read',
      'POST ?do=purge purge',
      'POST ?do=nonsense purge',
    ])
    expect((await post(inspect, 'purge', { cache: 'default', key: 'a' })).status).toBe(403)
    expect((await post(inspect, 'explain', { cache: 'default', key: 'a' })).status).toBe(200)
  })

  test('a failure of authorize is the handler’s, and lets nobody in', async () => {
    const authorize = () => Promise.reject(new Error('the directory is away'))
    await expect(get(inspector(createCache(), { authorize }))).rejects.toThrow('directory')
  })
})

describe('the page', () => {
  const inspect = inspector(createCache(), everybody)

  test('asks for nothing from anywhere else, and may do nothing but what its hashes say', async () => {
    const response = await get(inspect)
    const html = await response.text()
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg')/)
    expect([...html.matchAll(/ (?:src|href)="([^"]*)"/g)].map(([, url]) => url)).toEqual([
      'data:,',
      '#look-up',
    ])
    expect(html).not.toMatch(/ style="| on[a-z]+="|innerHTML|insertAdjacentHTML|eval\(/)
    const policy = response.headers.get('content-security-policy') ?? ''
    for (const [element, directive] of [
      ['script', 'script-src'],
      ['style', 'style-src'],
    ] as const) {
      const [, text = ''] = new RegExp(`<${element}>([^]*)</${element}>`).exec(html) ?? []
      const hash = createHash('sha256').update(text).digest('base64')
      expect(policy).toContain(`${directive} 'sha256-${hash}'`)
    }
    expect(policy).toMatch(/^default-src 'none'; /)
    for (const directive of ["frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"])
      expect(policy).toContain(directive)
    expect(policy).not.toMatch(/unsafe|\*/)
  })

  test('every answer says that it is not to be kept, sniffed or told of', async () => {
    const answers = await Promise.all([
      get(inspect),
      get(inspect, '?view=state'),
      get(inspect, '?view=state&cache=none'),
      post(inspect, 'explain', { cache: 'default', key: 'a' }),
      post(inspect, 'purge', { cache: 'default', key: 'a' }, {}),
    ])
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('access-control-allow-origin')).toBe(null)
    }
  })

  test('other methods, views and verbs are refused by name', async () => {
    const wrong = await get(inspect, '', { method: 'PUT' })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
    expect((await get(inspect, '?view=other')).status).toBe(404)
    expect((await post(inspect, 'clear', { cache: 'default', key: 'a' })).status).toBe(404)
    const head = await get(inspect, '', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })
})

describe('the state of a cache', () => {
  test('tells what it does, by name, and no key, tag or value', async () => {
    const [one, two] = [createCache({ name: 'one' }), createCache({ name: 'two' })]
    await one.wrap('a-key', () => 'a-value', { tags: ['a-tag'] })
    await one.wrap('a-key', () => 'a-value')
    const inspect = inspector([one, two], everybody)
    const { names, cache } = await stateOf(inspect)
    expect(names).toEqual(['one', 'two'])
    expect(cache).toMatchObject({
      name: 'one',
      isOpen: true,
      isEnabled: true,
      isSensitive: false,
      stats: { hits: 1, misses: 1, loads: 1, entries: 1 },
      tiers: { near: true },
      health: { status: 'unknown' },
    })
    expect(JSON.stringify(cache)).not.toMatch(/a-key|a-tag|a-value/)
    expect((await stateOf(inspect, '&cache=two')).cache).toMatchObject({ name: 'two' })
    expect((await get(inspect, '?view=state&cache=three')).status).toBe(404)
    one.enabled = false
    expect((await stateOf(inspect)).cache).toMatchObject({ isEnabled: false })
    await one.close()
    expect((await stateOf(inspect)).cache).toMatchObject({ isOpen: false, latency: {} })
    await two.close()
  })

  test('tells of breaker and bus as they are', async () => {
    const store = faultyStore(memoryStore(), { faults: [] })
    const cache = createCache({ store, resilience: { breaker: { failuresInARow: 1 } } })
    const inspect = inspector(cache, everybody)
    await cache.get('a')
    await vi.waitFor(async () =>
      expect((await stateOf(inspect)).cache).toMatchObject({
        tiers: { near: true, store: { breaker: 'closed', outMs: 0 }, bus: { up: true } },
      }),
    )
    store.play([{ kind: 'reject' }])
    await cache.wrap('b', () => 1)
    const { cache: state } = await stateOf(inspect)
    expect(state).toMatchObject({ tiers: { store: { breaker: expect.stringMatching(/open/) } } })
    const purged = await post(inspect, 'purge', { cache: 'default', key: 'b' })
    expect(purged.status).toBe(503)
    expect(await purged.json()).toMatchObject({ error: 'ERR_HOLDFAST_INVALIDATION' })
    await cache.close()
  })

  test('shows a cache of another make, as far as its verbs tell', async () => {
    const inspect = inspector({ fake: fakeCache() }, everybody)
    expect((await stateOf(inspect)).cache).toMatchObject({ name: 'fake', isOpen: true })
  })
})

describe('a key looked up', () => {
  test('is explained, whatever it is made of', async () => {
    const cache = createCache()
    const inspect = inspector(cache, everybody)
    for (const key of ['user:1', '<img src=x onerror=alert(1)>', '"}\r\n\0', '🦊'.repeat(1_024)]) {
      await cache.set(key, 1, { tags: ['t'] })
      const response = await post(inspect, 'explain', { cache: 'default', key })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('application/json')
      const { explanation } = (await response.json()) as { explanation: object }
      expect(explanation).toMatchObject({ key, status: 'fresh', tier: 'near', tags: ['t'] })
    }
  })

  test('of a sensitive cache is not said back, nor are its tags', async () => {
    const store = encryptedStore(memoryStore(), {
      keys: [{ id: 'k', secret: canaryKey('people') }],
    })
    const cache = createCache({ name: 'people', store, sensitive: true })
    await cache.set('ada', 1, { tags: ['byron'] })
    const inspect = inspector(cache, everybody)
    expect((await stateOf(inspect)).cache).toMatchObject({ isSensitive: true })
    const text = await (await post(inspect, 'explain', { cache: 'people', key: 'ada' })).text()
    expect(text).toMatch(/"key":"sensitive:[0-9a-f]{16}"/)
    expect(text).not.toMatch(/ada|byron/)
    await cache.close()
  })

  test.each<[unknown, number]>([
    ['text', 400],
    [null, 400],
    [[], 400],
    [{ cache: 'default' }, 400],
    [{ cache: 'default', key: 1 }, 400],
    [{ cache: 'default', key: 'a', tag: 'b' }, 400],
    [{ cache: 'default', tag: 'b' }, 400],
    [{ cache: 'default', tag: 'b', soft: true }, 400],
    [{ cache: 'default', key: 'a', soft: true }, 400],
    [{ cache: 'default', key: 'a', other: 1 }, 400],
    [{ cache: 'default', key: '' }, 400],
    [{ cache: 'default', key: '\ud800' }, 400],
    [{ cache: 'default', key: 'x'.repeat(4_097) }, 400],
    [{ cache: 'default', key: 'x'.repeat(40_000) }, 400],
    [{ cache: '__proto__', key: 'a' }, 404],
    [{ cache: 'other', key: 'a' }, 404],
  ])('that is none is refused: %o', async (body, status) => {
    expect((await post(inspector(createCache(), everybody), 'explain', body)).status).toBe(status)
  })
})

describe('a purge', () => {
  async function filled() {
    const cache = createCache({ defaults: { staleWhileRevalidate: '1h' } })
    await cache.set('a', 1, { tags: ['t'] })
    await cache.set('b', 1, { tags: ['t'] })
    await cache.set('c', 1)
    const inspect = inspector(cache, everybody)
    const status = async (key: string) => (await cache.explain(key)).status
    return { cache, inspect, status }
  }

  test('expires or deletes a key, or what is under a tag', async () => {
    const { cache, inspect, status } = await filled()
    const done = await post(inspect, 'purge', { cache: 'default', key: 'c', soft: true })
    expect([done.status, await done.json()]).toEqual([200, { done: true }])
    expect(await status('c')).toBe('stale')
    await post(inspect, 'purge', { cache: 'default', key: 'c' })
    expect(await status('c')).toBe('absent')
    expect(await status('a')).toBe('fresh')
    const soft = await post(inspect, 'purge', { cache: 'default', tag: 't', soft: true })
    expect([soft.status, await soft.json()]).toEqual([200, { done: true }])
    expect([await status('a'), await status('b')]).toEqual(['stale', 'stale'])
    expect(await cache.get('a')).toBe(1)
    await post(inspect, 'purge', { cache: 'default', tag: 't' })
    expect([await status('a'), await status('b')]).toEqual(['absent', 'absent'])
  })

  test('is not made by a form, a picture or a script of another site', async () => {
    const { inspect, status } = await filled()
    const body = { cache: 'default', key: 'a' }
    const { 'x-holdfast-inspector': _, ...bare } = own
    for (const headers of [
      bare,
      { ...own, 'content-type': 'text/plain' },
      { ...own, 'content-type': 'application/x-www-form-urlencoded' },
      { ...own, 'sec-fetch-site': 'cross-site' },
      { ...own, 'sec-fetch-site': 'same-site' },
      { ...own, 'sec-fetch-site': 'none' },
      { ...own, origin: 'http://elsewhere.example' },
      { ...own, origin: 'http://inside.example:8080' },
      { ...own, origin: 'null' },
    ]) {
      for (const verb of ['purge', 'explain'])
        expect((await post(inspect, verb, body, headers)).status).toBe(403)
    }
    expect((await get(inspect, '?do=purge&cache=default&key=a')).status).toBe(200)
    expect(await status('a')).toBe('fresh')
  })

  test('is made by the page itself, through a proxy that ends TLS too, and by a program that means it', async () => {
    for (const headers of [
      own,
      { ...own, 'sec-fetch-site': 'same-origin', origin: 'https://outside.example' },
      { ...own, origin: 'https://inside.example' },
      { ...own, 'content-type': 'application/json; charset=utf-8' },
    ]) {
      const { inspect, status } = await filled()
      const response = await post(inspect, 'purge', { cache: 'default', key: 'a' }, headers)
      expect(response.status).toBe(200)
      expect(await status('a')).toBe('absent')
    }
  })

  test('of a closed cache says so', async () => {
    const { cache, inspect } = await filled()
    await cache.close()
    const gone = await post(inspect, 'purge', { cache: 'default', key: 'a' })
    expect(gone.status).toBe(410)
    expect(await gone.json()).toMatchObject({ error: 'ERR_HOLDFAST_CLOSED' })
  })
})

test('a secret in values, errors, credentials or options is in no page, state or answer', async () => {
  const inner = faultyStore(memoryStore(), { faults: [] })
  const secret = canaryKey('inspector')
  const store = encryptedStore(inner, { keys: [{ id: 'k', secret }] })
  const cache = createCache({ store, resilience: { breaker: { failuresInARow: 2 } } })
  cache.on('error', () => {})
  const inspect = inspector(cache, everybody)
  const told: string[] = []
  const tell = async (response: Response) =>
    told.push([...response.headers].join('\n'), await response.text())
  const body = { cache: 'default', key: 'a' }
  await cache.set('a', canary)
  await tell(await get(inspect))
  await tell(await get(inspect, '?view=state'))
  await tell(await post(inspect, 'explain', body))
  const failed = () => Promise.reject(new Error(canary))
  await cache.wrap('b', failed, { errorTtl: '1m' }).catch(() => {})
  await tell(await post(inspect, 'explain', { ...body, key: 'b' }))
  inner.play([{ kind: 'reject', error: new Error(canary) }])
  await tell(await post(inspect, 'purge', body))
  await tell(await post(inspect, 'purge', { cache: 'default', tag: 'a' }))
  await tell(await post(inspect, 'purge', { cache: 'default', tag: 'a', soft: true }))
  await tell(await post(inspect, 'purge', { ...body, soft: true }))
  await tell(await post(inspect, 'explain', body))
  await tell(await get(inspect, '?view=state'))
  expect(told).toHaveLength(20)
  expect(told.flatMap((text) => leaksIn('inspector', text))).toEqual([])
  await cache.close({ drain: 0 })
})
