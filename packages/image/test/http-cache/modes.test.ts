import { describe, expect, it } from 'vitest'
import { answer, stage, tagged } from './scripted-origin.ts'

const url = 'http://origin.test/a'
const cut = new TypeError('fetch failed')

describe('the cache mode', () => {
  it('that the Fetch standard does not have rejects, as with fetch', async () => {
    const { origin, http } = stage()
    origin.script = answer('one', 'max-age=60')
    const mode = { cache: 'no-chace' } as unknown as RequestInit
    await expect(http.fetch(url, mode)).rejects.toThrow(TypeError)
    expect(origin.requests).toHaveLength(0)
  })

  it('no-store neither reads nor keeps, and tells caches on the way', async () => {
    const { origin, get } = stage()
    origin.script = answer('one', 'max-age=60')
    await get(url)
    origin.script = answer('two', 'max-age=60')
    expect(await get(url, { cache: 'no-store' })).toMatchObject({
      body: 'two',
      told: 'holdfast; fwd=bypass; fwd-status=200',
    })
    expect(origin.last.headers.get('cache-control')).toBe('no-cache')
    expect((await get(url)).body).toBe('one')
  })

  it('reload fetches without conditions, and keeps', async () => {
    const { origin, get } = stage()
    origin.script = tagged('one', '"a"', 'max-age=60')
    await get(url)
    expect((await get(url, { cache: 'reload' })).told).toBe(
      'holdfast; fwd=request; fwd-status=200; stored',
    )
    expect(origin.last.headers.has('if-none-match')).toBe(false)
    origin.script = tagged('two', '"b"', 'max-age=60')
    await get(url, { cache: 'reload' })
    expect((await get(url)).body).toBe('two')
  })

  it('no-cache asks the origin about what is kept', async () => {
    const { origin, get } = stage()
    origin.script = tagged('one', '"a"', 'max-age=60')
    await get(url)
    expect((await get(url, { cache: 'no-cache' })).body).toBe('one')
    expect(origin.last.headers.get('if-none-match')).toBe('"a"')
    expect(origin.requests).toHaveLength(2)
  })

  it('reload and no-cache take nothing for an answer but the origin’s', async () => {
    const { origin, http, get } = stage({ freshness: { staleIfError: '1d' } })
    origin.script = tagged('one', '"a"', 'max-age=60')
    await get(url)
    for (const cache of ['reload', 'no-cache'] as const) {
      origin.script = cut
      await expect(http.fetch(url, { cache })).rejects.toBe(cut)
      origin.script = answer('sorry', undefined, {}, 503)
      expect((await get(url, { cache })).status).toBe(503)
    }
    expect((await get(url)).body).toBe('one')
  })

  it('reload does not take what a load under way may have read before it', async () => {
    const { clock, origin, get } = stage()
    const releases: (() => void)[] = []
    let version = 0
    origin.script = () => {
      const body = `v${++version}`
      return new Promise((resolve) => releases.push(() => resolve(answer(body, 'max-age=60'))))
    }
    const early = get(url)
    await clock.advance(0)
    const reload = get(url, { cache: 'reload' })
    await clock.advance(0)
    releases.shift()?.()
    await clock.advance(0)
    releases.shift()?.()
    expect((await early).body).toBe('v1')
    expect((await reload).body).toBe('v2')
    expect((await get(url)).body).toBe('v2')
  })

  it('force-cache takes what is kept, however stale, and fetches what is not', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url, { cache: 'force-cache' })
    await clock.advance('1h')
    expect((await get(url, { cache: 'force-cache' })).body).toBe('one')
    expect(origin.requests).toHaveLength(1)
  })

  it('only-if-cached takes what is kept, or fails as fetch does', async () => {
    const { clock, origin, http, get } = stage()
    await expect(http.fetch(url, { cache: 'only-if-cached' })).rejects.toThrow(TypeError)
    origin.script = answer('one', 'max-age=1', { etag: '"a"' })
    await get(url)
    await clock.advance('1h')
    expect((await get(url, { cache: 'only-if-cached' })).body).toBe('one')
    expect(origin.requests).toHaveLength(1)
  })
})

describe('a request that says only-if-cached in its Cache-Control', () => {
  it('is told 504 where nothing usable is kept', async () => {
    const { origin, get } = stage()
    const init = { headers: { 'cache-control': 'only-if-cached' } }
    expect(await get(url, init)).toMatchObject({ status: 504, told: 'holdfast' })
    origin.script = answer('one', 'max-age=60')
    await get(url)
    expect((await get(url, init)).body).toBe('one')
    expect(origin.requests).toHaveLength(1)
  })
})
