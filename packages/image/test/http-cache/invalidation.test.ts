import { describe, expect, it } from 'vitest'
import { answer, stage } from './scripted-origin.ts'

const url = 'http://origin.test/a'

describe('an unsafe request', () => {
  it('that succeeds voids what is kept of its URL, and of those it names', async () => {
    const { origin, get, http } = stage()
    origin.script = ({ method }) =>
      method === 'POST'
        ? answer('done', undefined, { location: '/b', 'content-location': '/c' })
        : answer('kept', 'max-age=60')
    const urls = [url, 'http://origin.test/b', 'http://origin.test/c', 'http://origin.test/d']
    for (const one of urls) await get(one)
    await http.fetch(url, { method: 'POST', body: 'x' })
    for (const one of urls) await get(one)
    expect(origin.requests.slice(5).map((request) => request.url)).toEqual(urls.slice(0, 3))
  })

  it('that fails voids nothing', async () => {
    const { origin, get, http } = stage()
    origin.script = ({ method }) =>
      method === 'GET' ? answer('kept', 'max-age=60') : answer('no', undefined, {}, 500)
    await get(url)
    await http.fetch(url, { method: 'DELETE' })
    await get(url)
    expect(origin.requests).toHaveLength(2)
  })

  it('reaches the network as it was: its body, its method, its redirect', async () => {
    const { http } = stage()
    const seen: unknown[] = []
    const own = (async (...given: unknown[]) => {
      seen.push(given)
      return new Response('ok')
    }) as typeof fetch
    const { cache, clock } = stage()
    const { createHttpCache } = await import('../../src/http-cache/http-cache.ts')
    const init = { method: 'PATCH', body: 'x', redirect: 'error' } as const
    await createHttpCache({ cache, clock, fetch: own }).fetch(url, init)
    expect(seen).toEqual([[url, init]])
    await http.purge(url)
  })
})

describe('an answer that was under way when its URL changed', () => {
  for (const vary of [undefined, 'foo'] as const) {
    it(`is not kept${vary === undefined ? '' : ', nor named, where it varies'}`, async () => {
      const { clock, origin, get, http } = stage()
      const varies: Record<string, string> = vary === undefined ? {} : { vary }
      const init = { headers: { foo: '1' } }
      if (vary !== undefined) {
        origin.script = answer('other', 'max-age=60', varies)
        await get(url, { headers: { foo: '0' } })
      }
      let release = () => {}
      origin.script = () =>
        new Promise((resolve) => {
          release = () => resolve(answer('old', 'max-age=60', varies))
        })
      const early = get(url, init)
      await clock.advance(0)
      await http.purge(url)
      release()
      expect((await early).body).toBe('old')
      await clock.advance(0)
      origin.script = answer('new', 'max-age=60', varies)
      expect((await get(url, init)).body).toBe('new')
      expect((await get(url, init)).body).toBe('new')
    })
  }
})

describe('a variant that was under way when its URL changed, and does not vary any more', () => {
  it('does not take the place of what has been kept since', async () => {
    const { clock, origin, get, http } = stage()
    const asking = (foo: string) => ({ headers: { foo } })
    origin.script = answer('v1', 'max-age=60', { vary: 'foo' })
    await get(url, asking('0'))
    let release = () => {}
    origin.script = () =>
      new Promise((resolve) => {
        release = () => resolve(answer('v1 for all', 'max-age=60'))
      })
    const early = get(url, asking('1'))
    await clock.advance(0)
    await http.purge(url)
    origin.script = answer('v2', 'max-age=60', { vary: 'foo' })
    await get(url, asking('0'))
    release()
    expect((await early).body).toBe('v1 for all')
    expect((await get(url, asking('0'))).body).toBe('v2')
    expect((await get(url, asking('1'))).body).toBe('v2')
  })
})

describe('purge', () => {
  it('forgets a URL, with its fragment or without, and refuses what is none', async () => {
    const { origin, get, http } = stage()
    origin.script = answer('kept', 'max-age=60')
    await get(url)
    await http.purge(new URL(`${url}#x`))
    await get(url)
    expect(origin.requests).toHaveLength(2)
    await expect(http.purge('nowhere')).rejects.toThrow(TypeError)
  })
})
