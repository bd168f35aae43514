import { memoryStore } from '@holdfast/core'
import { canary, canarySecret } from '@holdfast/lab/canary'
import { describe, expect, it } from 'vitest'
import { answer, stage, tagged } from './scripted-origin.ts'

const url = 'http://origin.test/a'

describe('a response with a lifetime', () => {
  it('is fetched once and served with its age until the lifetime ends', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=60')
    expect(await get(url)).toEqual({
      status: 200,
      body: 'one',
      age: null,
      told: 'holdfast; fwd=uri-miss; fwd-status=200; stored',
    })
    await clock.advance('59s')
    expect(await get(url)).toEqual({
      status: 200,
      body: 'one',
      age: '59',
      told: 'holdfast; hit; ttl=1',
    })
    origin.script = answer('two', 'max-age=60')
    await clock.advance('1s')
    expect((await get(url)).body).toBe('two')
    expect(origin.requests).toHaveLength(2)
  })

  it('is not called stored where the store did not take it, with and without Vary', async () => {
    const store = memoryStore({ maxValueBytes: 3_000 })
    const { cache, origin, get } = stage({}, { store, bus: false, memory: false })
    cache.on('error', () => {})
    origin.script = answer('x'.repeat(5_000), 'max-age=60')
    expect((await get(url)).told).toBe('holdfast; fwd=uri-miss; fwd-status=200; detail=unstored')
    expect((await get(url)).told).toBe('holdfast; fwd=uri-miss; fwd-status=200; detail=unstored')
    origin.script = answer('small', 'max-age=60')
    expect((await get(`${url}1`)).told).toBe('holdfast; fwd=uri-miss; fwd-status=200; stored')
    origin.script = answer('small', 'max-age=60', { vary: 'foo' })
    expect((await get(`${url}2`)).told).toBe('holdfast; fwd=uri-miss; fwd-status=200; stored')
    await cache.close()
  })

  it('keeps its status, its status text and its fields, and is served under its URL', async () => {
    const { origin, http } = stage()
    const headers = { 'cache-control': 'max-age=60', 'x-a': 'b' }
    origin.script = new Response('gone', { status: 410, statusText: 'No more', headers })
    await http.fetch(`${url}#fragment`)
    const kept = await http.fetch(url)
    expect([
      kept.status,
      kept.statusText,
      kept.headers.get('x-a'),
      kept.url,
      kept.redirected,
    ]).toEqual([410, 'No more', 'b', url, false])
    expect(origin.requests).toHaveLength(1)
  })

  it('is not changed by a caller who writes into what it was given', async () => {
    const { origin, http } = stage()
    origin.script = answer('abc', 'max-age=60')
    const first = new Uint8Array(await (await http.fetch(url)).arrayBuffer())
    first.fill(0)
    const second = new Uint8Array(await (await http.fetch(url)).arrayBuffer())
    expect(new TextDecoder().decode(second)).toBe('abc')
    second.fill(0)
    expect(await (await http.fetch(url)).text()).toBe('abc')
  })

  it('with cookies gives them to the one client that caused them', async () => {
    const { origin, http } = stage()
    origin.script = answer('a', 'max-age=60', { 'set-cookie': `session=${canary}` })
    expect((await http.fetch(url)).headers.get('set-cookie')).toBe(`session=${canary}`)
    expect((await http.fetch(url)).headers.get('set-cookie')).toBeNull()
  })

  it('gives each URL its own, queries included', async () => {
    const { origin, get } = stage()
    origin.script = ({ url: asked }) => answer(asked, 'max-age=60')
    const urls = [url, `${url}?`, `${url}?a`, `${url}?a=`, `${url}/`, `http://origin.test:81/a`]
    for (const one of urls) await get(one)
    for (const one of urls) expect((await get(one)).body).toBe(one)
    expect(origin.requests).toHaveLength(urls.length)
  })

  it('lies under a URL of any length', async () => {
    const { origin, get } = stage()
    origin.script = ({ url: asked }) => answer(asked.slice(-1), 'max-age=60')
    const long = `${url}?${'x'.repeat(100_000)}`
    await get(`${long}1`)
    await get(`${long}2`)
    expect((await get(`${long}1`)).body).toBe('1')
    expect(origin.requests).toHaveLength(2)
  })
})

describe('a stale response', () => {
  it('that still holds is renewed by a 304, its body kept and its fields renewed', async () => {
    const { clock, origin, http, get } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"', 'x-n': '1', 'x-k': 'kept' })
    await get(url)
    await clock.advance('2s')
    origin.script = answer(null, 'max-age=100', { etag: '"a"', 'x-n': '2' }, 304)
    const renewed = await http.fetch(url)
    expect(origin.last.headers.get('if-none-match')).toBe('"a"')
    expect(await renewed.text()).toBe('one')
    expect(renewed.headers.get('cache-status')).toBe('holdfast; fwd=stale; fwd-status=304; stored')
    await clock.advance('99s')
    const kept = await http.fetch(url)
    expect(await kept.text()).toBe('one')
    expect([kept.headers.get('x-n'), kept.headers.get('x-k')]).toEqual(['2', 'kept'])
    expect(origin.requests).toHaveLength(2)
  })

  it('whose 304 is about something else is fetched anew', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url)
    await clock.advance('2s')
    origin.script = ({ headers }) =>
      headers.has('if-none-match')
        ? answer(null, 'max-age=100', { etag: '"b"' }, 304)
        : answer('two', 'max-age=100', { etag: '"b"' })
    expect((await get(url)).body).toBe('two')
    expect((await get(url)).body).toBe('two')
    expect(origin.requests).toHaveLength(3)
  })

  it('that its 304 declares private is served once more, and gone', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url)
    await clock.advance('2s')
    origin.script = answer(null, 'private', { etag: '"a"' }, 304)
    expect((await get(url)).body).toBe('one')
    origin.script = answer('two', 'max-age=60')
    expect((await get(url, { cache: 'force-cache' })).body).toBe('two')
  })

  it('with no-cache is asked about each time, and costs no body', async () => {
    const { origin, get } = stage()
    origin.script = tagged('one', '"a"', 'no-cache')
    for (let time = 0; time < 3; time++) expect((await get(url)).body).toBe('one')
    expect(origin.requests.map(({ headers }) => headers.get('if-none-match'))).toEqual([
      null,
      '"a"',
      '"a"',
    ])
  })
})

describe('an answer to somebody with credentials', () => {
  it('that is private leaves what is kept for all others', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('all', 'max-age=1', { etag: '"a"' })
    await get(url)
    await clock.advance('2s')
    origin.script = answer('mine', 'private')
    expect((await get(url, { headers: { authorization: canarySecret('me') } })).body).toBe('mine')
    origin.script = tagged('all', '"a"', 'max-age=60')
    expect((await get(url)).body).toBe('all')
    expect(origin.last.headers.get('if-none-match')).toBe('"a"')
  })
})

describe('a client with conditions', () => {
  it('is told 304 from what is kept, with the fields of the response and none of its content', async () => {
    const { origin, http } = stage()
    origin.script = answer('one', 'max-age=60', { etag: '"a"', 'content-type': 'text/x' })
    await http.fetch(url)
    const told = await http.fetch(url, { headers: { 'if-none-match': 'W/"a"' } })
    expect(told.status).toBe(304)
    expect([told.headers.get('etag'), told.headers.get('content-type')]).toEqual(['"a"', null])
    expect(origin.requests).toHaveLength(1)
  })

  it('whose copy is stale gets what the origin says to the cache, and the cache keeps it', async () => {
    const { clock, origin, http } = stage()
    origin.script = tagged('one', '"a"', 'max-age=1')
    await http.fetch(url)
    await clock.advance('2s')
    const told = await http.fetch(url, { headers: { 'if-none-match': '"a"' } })
    expect(told.status).toBe(304)
    const other = await http.fetch(url, { headers: { 'if-none-match': '"old"' } })
    expect([other.status, await other.text()]).toEqual([200, 'one'])
    expect(origin.requests).toHaveLength(2)
  })

  it('goes to the origin as it is where nothing is kept, and nothing is kept of the answer', async () => {
    const { origin, get } = stage()
    origin.script = tagged('one', '"a"', 'max-age=60')
    expect((await get(url, { headers: { 'if-none-match': '"a"' } })).status).toBe(304)
    expect((await get(url)).status).toBe(200)
    expect(origin.requests).toHaveLength(2)
  })

  it('that only an origin can judge passes through', async () => {
    const { origin, get } = stage()
    origin.script = answer('one', 'max-age=60')
    await get(url)
    await get(url, { headers: { 'if-match': '"a"' } })
    expect(origin.requests).toHaveLength(2)
  })
})

describe('a part', () => {
  it('is served from the whole', async () => {
    const { origin, http } = stage()
    origin.script = answer('0123456789', 'max-age=60', { etag: '"a"' })
    await http.fetch(url)
    const part = await http.fetch(url, { headers: { range: 'bytes=2-4', 'if-range': '"a"' } })
    expect([part.status, await part.text()]).toEqual([206, '234'])
    expect(part.headers.get('content-range')).toBe('bytes 2-4/10')
    expect(part.headers.get('content-length')).toBe('3')
    const none = await http.fetch(url, { headers: { range: 'bytes=10-' } })
    expect([none.status, none.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    const several = await http.fetch(url, { headers: { range: 'bytes=0-1,3-4' } })
    expect([several.status, await several.text()]).toEqual([200, '0123456789'])
    expect(origin.requests).toHaveLength(1)
  })

  it('of what was coded is all of it', async () => {
    const { origin, get } = stage()
    origin.script = answer('0123456789', 'max-age=60', { 'content-encoding': 'br' })
    await get(url)
    const whole = await get(url, { headers: { range: 'bytes=0-1' } })
    expect([whole.status, whole.body]).toEqual([200, '0123456789'])
    expect(origin.requests).toHaveLength(1)
  })

  it('of nothing kept comes from the origin and is not kept', async () => {
    const { origin, get } = stage()
    origin.script = ({ headers }) =>
      headers.has('range')
        ? answer('01', 'max-age=60', { 'content-range': 'bytes 0-1/10' }, 206)
        : answer('0123456789', 'max-age=60')
    const part = { headers: { range: 'bytes=0-1' } }
    expect((await get(url, part)).status).toBe(206)
    expect(origin.last.headers.get('range')).toBe('bytes=0-1')
    expect((await get(url)).body).toBe('0123456789')
    expect(origin.requests).toHaveLength(2)
  })
})

describe('a HEAD', () => {
  it('is answered from what is kept of the GET', async () => {
    const { origin, http } = stage()
    origin.script = answer('one', 'max-age=60', { 'x-a': 'b' })
    await http.fetch(url)
    const head = await http.fetch(url, { method: 'HEAD' })
    expect([head.status, head.body, head.headers.get('x-a')]).toEqual([200, null, 'b'])
    expect(origin.requests).toHaveLength(1)
  })

  it('renews what is stale where it is about the same, and removes it where it is not', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url)
    await clock.advance('2s')
    origin.script = answer(null, 'max-age=60', { etag: '"a"' })
    await get(url, { method: 'HEAD' })
    expect((await get(url)).body).toBe('one')
    expect(origin.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD'])
    await clock.advance('61s')
    origin.script = answer(null, 'max-age=60', { etag: '"b"' })
    await get(url, { method: 'HEAD' })
    origin.script = answer('two', 'max-age=60')
    await get(url)
    expect(origin.last.headers.has('if-none-match')).toBe(false)
  })

  it('alone keeps nothing', async () => {
    const { origin, get } = stage()
    origin.script = answer(null, 'max-age=60')
    await get(url, { method: 'HEAD' })
    await get(url, { method: 'HEAD' })
    expect(origin.requests).toHaveLength(2)
  })
})
