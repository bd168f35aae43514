import { describe, expect, it } from 'vitest'
import { maxVariants } from '../../src/http-cache/shelf.ts'
import { answer, stage } from './scripted-origin.ts'

const url = 'http://origin.test/a'
const asking = (foo: string, more: Record<string, string> = {}) => ({ headers: { foo, ...more } })

describe('responses that vary', () => {
  it('are kept beside each other, each for the requests it is for', async () => {
    const { origin, get } = stage()
    origin.script = ({ headers }) =>
      answer(`for ${headers.get('foo')}`, 'max-age=60', { vary: 'Foo' })
    for (const foo of ['1', '2', '1', '2']) {
      expect((await get(url, asking(foo))).body).toBe(`for ${foo}`)
    }
    expect((await get(url)).body).toBe('for null')
    expect((await get(url)).body).toBe('for null')
    expect(origin.requests).toHaveLength(3)
  })

  it('say why they were fetched', async () => {
    const { origin, get } = stage()
    origin.script = answer('a', 'max-age=60', { vary: 'Foo' })
    expect((await get(url, asking('1'))).told).toContain('fwd=uri-miss')
    expect((await get(url, asking('2'))).told).toContain('fwd=vary-miss')
  })

  it('are renewed each for itself, and all are gone at once', async () => {
    const { clock, origin, http, get } = stage()
    origin.script = ({ headers }) => {
      const tag = `"${headers.get('foo')}"`
      return headers.get('if-none-match') === tag
        ? answer(null, 'max-age=60', { etag: tag, vary: 'foo' }, 304)
        : answer(`for ${headers.get('foo')}`, 'max-age=60', { etag: tag, vary: 'foo' })
    }
    await get(url, asking('1'))
    await get(url, asking('2'))
    await clock.advance('61s')
    expect((await get(url, asking('1'))).body).toBe('for 1')
    expect((await get(url, asking('2'))).body).toBe('for 2')
    expect((await get(url, asking('1'))).told).toContain('hit')
    expect(origin.requests).toHaveLength(4)
    await http.purge(url)
    await get(url, asking('1'))
    await get(url, asking('2'))
    expect(origin.requests.slice(4).map(({ headers }) => headers.get('if-none-match'))).toEqual([
      null,
      null,
    ])
  })

  it('are found among others that vary by something else', async () => {
    const { origin, get } = stage()
    origin.script = ({ headers }) =>
      answer(`${headers.get('foo')}${headers.get('bar')}`, 'max-age=60', {
        vary: headers.has('bar') ? 'bar' : 'foo',
      })
    await get(url, asking('1'))
    await get(url, asking('2', { bar: '3' }))
    expect((await get(url, asking('1'))).body).toBe('1null')
    expect((await get(url, asking('9', { bar: '3' }))).body).toBe('23')
    expect(origin.requests).toHaveLength(2)
  })

  it('of which an old one has expired do not hide a fresh one that fits', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('long', 'max-age=600', { vary: 'foo' })
    await get(url, asking('1'))
    origin.script = answer('short', 'max-age=1', { vary: 'bar' })
    await get(url, asking('2'))
    await clock.advance('2s')
    expect((await get(url, asking('1'))).body).toBe('long')
    expect(origin.requests).toHaveLength(2)
  })

  it('may stop to vary', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('varies', 'max-age=1', { vary: 'foo' })
    await get(url, asking('1'))
    await clock.advance('2s')
    origin.script = answer('same for all', 'max-age=60')
    await get(url, asking('1'))
    expect((await get(url, asking('2'))).body).toBe('same for all')
    expect(origin.requests).toHaveLength(2)
  })

  it('may begin to vary', async () => {
    const { clock, origin, get } = stage()
    origin.script = answer('same for all', 'max-age=1', { etag: '"a"' })
    await get(url, asking('1'))
    await clock.advance('2s')
    origin.script = ({ headers }) =>
      answer(`for ${headers.get('foo')}`, 'max-age=60', { vary: 'foo' })
    expect((await get(url, asking('1'))).body).toBe('for 1')
    expect((await get(url, asking('2'))).body).toBe('for 2')
    expect((await get(url, asking('1'))).body).toBe('for 1')
    expect(origin.requests).toHaveLength(3)
  })

  it('are a bounded number for one URL, the newest', async () => {
    const { origin, get } = stage()
    origin.script = answer('a', 'max-age=60', { vary: 'foo' })
    for (let foo = 0; foo <= maxVariants; foo++) await get(url, asking(String(foo)))
    expect(origin.requests).toHaveLength(maxVariants + 1)
    await get(url, asking('1'))
    expect(origin.requests).toHaveLength(maxVariants + 1)
    await get(url, asking('0'))
    expect(origin.requests).toHaveLength(maxVariants + 2)
  })

  it('by credentials are never handed to somebody with others', async () => {
    const { origin, get } = stage()
    origin.script = ({ headers }) => answer(headers.get('cookie'), 'max-age=60', { vary: 'cookie' })
    for (const cookie of ['a=1', 'a=2', 'a=1, a=2']) {
      expect((await get(url, { headers: { cookie } })).body).toBe(cookie)
    }
    expect(origin.requests).toHaveLength(3)
  })

  it('by language are found by the language that a client wants most, where the response says its own', async () => {
    const { origin, get } = stage()
    const language = (value: string, more: Record<string, string> = {}) => ({
      headers: { 'accept-language': value, ...more },
    })
    origin.script = answer('deutsch', 'max-age=60', {
      vary: 'accept-language, foo',
      'content-language': 'de',
    })
    await get(url, language('en;q=0.1, de'))
    expect((await get(url, language('fr;q=0.5, DE;q=0.9'))).body).toBe('deutsch')
    expect(origin.requests).toHaveLength(1)
    await get(url, language('de', { foo: '1' }))
    await get(url, language('de, en'))
    expect(origin.requests).toHaveLength(3)
  })
})

describe('a response that varies by everything', () => {
  it('is not kept', async () => {
    const { origin, get } = stage()
    origin.script = answer('a', 'max-age=60', { vary: '*' })
    await get(url)
    await get(url)
    expect(origin.requests).toHaveLength(2)
  })
})
