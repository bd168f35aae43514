import { canarySecret } from '@holdfast/lab/canary'
import { describe, expect, it } from 'vitest'
import { answer, type OriginRequest, stage } from './scripted-origin.ts'

const first = 'https://origin.test/a'
const to = (location: string, cacheControl?: string, status = 302) =>
  answer(null, cacheControl, { location }, status)

/** Answers by URL. */
const map = (answers: Record<string, Response>) => (request: OriginRequest) =>
  answers[request.url]?.clone() ?? answer('none', undefined, {}, 404)

describe('a redirect', () => {
  it('is kept for itself, each hop by its own lifetime', async () => {
    const { clock, origin, http } = stage()
    origin.script = map({
      [first]: to('/b', 'max-age=10', 301),
      'https://origin.test/b': answer('there', 'max-age=60'),
    })
    const response = await http.fetch(first)
    expect([await response.text(), response.url, response.redirected]).toEqual([
      'there',
      'https://origin.test/b',
      true,
    ])
    await http.fetch(first)
    expect(origin.requests).toHaveLength(2)
    await clock.advance('11s')
    await http.fetch(first)
    expect(origin.requests.map(({ url }) => new URL(url).pathname)).toEqual(['/a', '/b', '/a'])
  })

  it('is handed out, or refused, where the caller wants that', async () => {
    const { origin, http } = stage()
    origin.script = to('/b')
    const response = await http.fetch(first, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([302, '/b'])
    await expect(http.fetch(first, { redirect: 'error' })).rejects.toThrow(TypeError)
  })

  it('to another origin leaves the credentials behind', async () => {
    const { origin, http } = stage()
    origin.script = map({
      [first]: to('/b'),
      'https://origin.test/b': to('https://other.test/c'),
    })
    const headers = { authorization: canarySecret('a'), cookie: canarySecret('b'), 'x-own': 'c' }
    await http.fetch(first, { headers })
    const sent = origin.requests.map((request) =>
      ['authorization', 'cookie', 'x-own'].map((name) => request.headers.get(name)),
    )
    expect(sent).toEqual([
      [headers.authorization, headers.cookie, 'c'],
      [headers.authorization, headers.cookie, 'c'],
      [null, null, 'c'],
    ])
  })

  it('is followed 20 times, never from https to http, and only to http URLs', async () => {
    const { origin, http } = stage()
    origin.script = ({ url }) => to(`${url}x`)
    await expect(http.fetch(first)).rejects.toThrow('more than 20 redirects')
    expect(origin.requests).toHaveLength(21)
    for (const location of [
      'http://origin.test/',
      'file:///etc/passwd',
      'data:,x',
      'https://u:p@o/',
    ]) {
      origin.script = to(location)
      await expect(http.fetch(`${first}?${location}`), location).rejects.toThrow(TypeError)
    }
  })
})

describe('what is no GET over http', () => {
  it('is the network’s alone', async () => {
    const { origin, http } = stage()
    origin.script = answer('x', 'max-age=60')
    for (const input of ['data:,x', 'https://user:pass@origin.test/', 'not a url']) {
      await http.fetch(input)
      await http.fetch(input)
      expect(origin.last.url).toBe(input)
    }
    await http.fetch(first, { integrity: 'sha256-x' })
    await http.fetch(first, { integrity: 'sha256-x' })
    expect(origin.requests).toHaveLength(8)
  })
})

describe('a Request object', () => {
  it('brings its method, headers, mode and signal', async () => {
    const { origin, http } = stage()
    origin.script = answer('one', 'max-age=60')
    const request = new Request(first, { headers: { 'x-a': '1' } })
    await http.fetch(request)
    expect(origin.last.headers.get('x-a')).toBe('1')
    await http.fetch(new Request(first, { cache: 'reload' }))
    expect(origin.requests).toHaveLength(2)
    await http.fetch(new Request(first, { method: 'POST', body: 'x' }))
    expect(origin.last.method).toBe('POST')
    const signal = AbortSignal.abort(new Error('left'))
    await expect(http.fetch(new Request(first), { signal })).rejects.toThrow('left')
  })
})
