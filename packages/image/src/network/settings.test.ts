import { InvalidOptionError } from '@holdfast/core'
import { describe, expect, it } from 'vitest'
import { guardedFetch } from './guarded-fetch.ts'
import { readGuardSettings } from './settings.ts'

describe('options of the guard', () => {
  it('have defaults that are safe', () => {
    const settings = readGuardSettings({ origins: [] })
    expect(settings.limits).toEqual({
      bytes: 10_000_000,
      pixels: 40_000_000,
      side: 16_384,
      redirects: 3,
      deadlineMs: 4_000,
    })
    expect([...settings.schemes]).toEqual(['https:'])
    expect(settings.ports.has(8080)).toBe(false)
    expect(settings.admitsAddress('10.0.0.1')).toBe(false)
  })

  it('are read with their units', () => {
    const { limits, origins } = readGuardSettings({
      origins: [{ match: 'https://a.example', ttl: '5m', concurrency: 2 }],
      limits: { bytes: '1.5mib', deadline: '250ms', redirects: 0, side: 10, pixels: 100 },
    })
    expect(limits).toEqual({
      bytes: 1_572_864,
      pixels: 100,
      side: 10,
      redirects: 0,
      deadlineMs: 250,
    })
    expect(origins[0]).toMatchObject({ ttlMs: 300_000, concurrency: 2 })
  })

  it.each<[unknown, string]>([
    [{}, 'origins must be an array'],
    [{ origins: 'https://a.example' }, 'origins must be an array'],
    [{ origins: [5] }, 'origins[0] must be an object'],
    [
      { origins: ['*', { macth: 'https://a.example' }] },
      "origins[1] has no option 'macth'; did you mean 'match'?",
    ],
    [{ origins: [{}] }, 'origins[0].match must be a string'],
    [{ origins: ['img.example.com'] }, 'origins[0] must be an origin'],
    [{ origins: ['https://'] }, 'origins[0]'],
    [{ origins: ['https:///a'] }, 'origins[0]'],
    [{ origins: ['https://a.*.example'] }, 'origins[0]'],
    [{ origins: ['https://*.10.0.0.1'] }, 'origins[0]'],
    [{ origins: ['https://*.*.example.com'] }, 'origins[0]'],
    [{ origins: ['https://u:p@a.example'] }, 'origins[0]'],
    [{ origins: ['https://a.example/?x'] }, 'origins[0]'],
    [{ origins: ['https://a.example/x%2fy'] }, 'origins[0]'],
    [{ origins: ['ftp://a.example'] }, 'origins[0]'],
    [{ origins: ['http://a.example'] }, 'network.schemes'],
    [{ origins: [{ match: '*', headers: { a: 'b' } }] }, 'origins[0].headers'],
    [{ origins: [{ match: 'https://a.example', headers: { 'a b': 'c' } }] }, 'no header name'],
    [{ origins: [{ match: 'https://a.example', headers: { a: 'b\r\nc: d' } }] }, 'no header value'],
    [{ origins: [{ match: 'https://a.example', headers: { Host: 'b' } }] }, 'origins[0].headers'],
    [{ origins: [{ match: 'https://a.example', concurrency: 0 }] }, 'origins[0].concurrency'],
    [{ origins: [{ match: 'https://a.example', ports: [0] }] }, 'origins[0].ports[0]'],
    [{ origins: [{ match: 'https://a.example', ttl: -1 }] }, 'origins[0].ttl'],
    [{ origins: [], limits: { byte: 5 } }, "did you mean 'bytes'?"],
    [{ origins: [], limits: { bytes: '10 MB' } }, 'limits.bytes'],
    [{ origins: [], limits: { bytes: 0 } }, 'limits.bytes'],
    [{ origins: [], limits: { deadline: 0 } }, 'limits.deadline'],
    [{ origins: [], limits: { deadline: Number.POSITIVE_INFINITY } }, 'limits.deadline'],
    [{ origins: [], limits: { redirects: 1.5 } }, 'limits.redirects'],
    [{ origins: [], network: { schemes: ['ftp'] } }, 'network.schemes[0]'],
    [{ origins: [], network: { schemes: [] } }, 'network.schemes'],
    [{ origins: [], network: { allowPrivate: true } }, 'network.allowPrivate must be an array'],
    [{ origins: [], network: { allowPrivate: [10] } }, 'network.allowPrivate[0]'],
    [{ origins: [], network: { ca: 'secret' } }, 'network.ca[0]'],
    [{ origins: [], network: { rejectUnauthorized: false } }, 'rejectUnauthorized'],
    [{ origins: [], types: ['png'] }, "guardedFetch has no option 'types'"],
  ])('%j: %s', (options, message) => {
    const read = () => guardedFetch(options as never)
    expect(read).toThrow(InvalidOptionError)
    expect(read).toThrow(message)
    expect(read).not.toThrow('secret')
  })
})
