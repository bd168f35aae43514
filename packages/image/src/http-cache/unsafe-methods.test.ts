import { describe, expect, it } from 'vitest'
import { changedUrls } from './unsafe-methods.ts'

const answer = (status: number, headers: Record<string, string> = {}, url = '') =>
  Object.defineProperty(new Response(null, { status, headers }), 'url', { value: url })

describe('after an unsafe request', () => {
  it('nothing kept of its URL is true any more', () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'patch', 'M-SEARCH', 'ANYTHING']) {
      expect(changedUrls(method, 'http://a/b#c', answer(204)), method).toEqual(['http://a/b'])
    }
  })

  it('nor of what the answer names, of the same origin', () => {
    const headers = { location: '/new', 'content-location': 'http://evil/b' }
    expect(changedUrls('POST', 'http://a/b', answer(201, headers))).toEqual([
      'http://a/b',
      'http://a/new',
    ])
  })

  it('nor of the URL that a redirect led to', () => {
    expect(changedUrls('POST', 'http://a/b', answer(200, {}, 'http://a/c'))).toEqual([
      'http://a/b',
      'http://a/c',
    ])
  })

  it('that failed, or after a safe one, all stays true', () => {
    expect(changedUrls('POST', 'http://a/b', answer(500))).toEqual([])
    expect(changedUrls('POST', 'http://a/b', answer(404))).toEqual([])
    for (const method of ['OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']) {
      expect(changedUrls(method, 'http://a/b', answer(200)), method).toEqual([])
    }
  })
})
