import { describe, expect, it } from 'vitest'
import { answer, stage } from './scripted-origin.ts'

const url = 'http://origin.test/a'
const cut = new TypeError('fetch failed')

describe('while it is stale, a response', () => {
  it('is served at once and renewed once behind, however many ask', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1, stale-while-revalidate=60')
    await get(url)
    await clock.advance('2s')
    let release = () => {}
    origin.script = () =>
      new Promise((resolve) => {
        release = () => resolve(answer('two', 'max-age=60'))
      })
    const stale = await Promise.all(Array.from({ length: 20 }, () => get(url)))
    expect(new Set(stale.map(({ body }) => body))).toEqual(new Set(['one']))
    expect(stale[0]?.told).toBe('holdfast; hit; ttl=-1; detail=stale-while-revalidate')
    expect(origin.requests).toHaveLength(2)
    release()
    await clock.advance(0)
    expect((await get(url)).body).toBe('two')
    expect(origin.requests).toHaveLength(2)
  })

  it('whose refresh fails behind is served on, and the origin is left alone for a while', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1, stale-while-revalidate=60')
    await get(url)
    await clock.advance('2s')
    origin.script = cut
    for (let time = 0; time < 5; time++) {
      expect((await get(url)).body).toBe('one')
      await clock.advance(0)
    }
    expect(origin.requests).toHaveLength(2)
    await clock.advance('3s')
    await get(url)
    await clock.advance(0)
    expect(origin.requests).toHaveLength(3)
  })

  it('stands in for an error within stale-if-error, says so, and asks again after Retry-After', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1, stale-if-error=600')
    await get(url)
    await clock.advance('2s')
    origin.script = answer('sorry', undefined, { 'retry-after': '10' }, 503)
    expect(await get(url)).toMatchObject({
      status: 200,
      body: 'one',
      told: 'holdfast; fwd=stale; fwd-status=503; ttl=-1; detail=stale-if-error',
    })
    expect((await get(url)).told).toBe('holdfast; hit; ttl=-1; detail=stale-if-error')
    expect(origin.requests).toHaveLength(2)
    await clock.advance('10s')
    origin.script = answer('two', 'max-age=60')
    expect((await get(url)).body).toBe('two')
  })

  it('does not stand in for an error that nobody allowed, nor hides what a 404 says', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url)
    await clock.advance('2s')
    origin.script = answer('sorry', undefined, {}, 503)
    expect((await get(url)).status).toBe(503)
    await clock.advance('60s')
    origin.script = answer('gone', undefined, {}, 404)
    expect((await get(url)).status).toBe(404)
  })

  it('stands in where no answer comes, for a day', async () => {
    const { clock, origin, get, http } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url)
    origin.script = cut
    await clock.advance('23h')
    expect(await get(url)).toMatchObject({ status: 200, body: 'one', age: String(23 * 3_600) })
    expect((await get(url)).told).toBe(
      `holdfast; hit; ttl=-${23 * 3_600 - 1}; detail=stale-if-error`,
    )
    await clock.advance(3_602_000)
    await expect(http.fetch(url)).rejects.toBe(cut)
  })

  it('never stands in where its origin forbids it', async () => {
    for (const strict of ['must-revalidate', 'proxy-revalidate', 's-maxage=1', 'no-cache']) {
      const lax = { staleIfError: '1d', staleWhileRevalidate: '1d' } as const
      const { clock, origin, get, http } = stage({ freshness: lax })
      origin.script = answer('one', `max-age=1, ${strict}`, { etag: '"a"' })
      await get(url)
      await clock.advance('2s')
      origin.script = cut
      await expect(http.fetch(url), strict).rejects.toBe(cut)
      origin.script = answer('sorry', undefined, {}, 503)
      expect((await get(url)).status, strict).toBe(503)
    }
  })

  it('never stands in for a refusal of the way out itself', async () => {
    const { clock, origin, get, http } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url)
    await clock.advance('2s')
    const refusal = Object.assign(new Error('address'), { retryable: false })
    origin.script = refusal
    await expect(http.fetch(url)).rejects.toBe(refusal)
  })

  it('is not replaced by an error that it stood in for', async () => {
    const { clock, origin, get } = stage({ freshness: { staleIfError: '1h' } })
    origin.script = answer('one', 'max-age=1')
    await get(url)
    await clock.advance('2s')
    origin.script = answer('sorry', 'max-age=600', {}, 500)
    expect((await get(url)).body).toBe('one')
    await clock.advance('5s')
    origin.script = answer('two', 'max-age=60')
    expect((await get(url)).body).toBe('two')
  })
})

describe('negative answers', () => {
  it('without a lifetime are kept only where they are given one', async () => {
    for (const [negative, asked] of [
      ['0s', 2],
      ['1m', 1],
    ] as const) {
      const { origin, get } = stage({ freshness: { negative } })
      origin.script = answer('none', undefined, {}, 404)
      await get(url)
      await get(url)
      expect(origin.requests).toHaveLength(asked)
    }
  })
})
