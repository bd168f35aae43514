import { createCache, InvalidOptionError } from '@holdfast/core'
import { describe, expect, it } from 'vitest'
import { type HttpCacheOptions, readHttpCacheOptions } from './http-cache-options.ts'
import { defaultPolicy } from './policy-options.ts'

const cache = createCache()
const read = (options: object) => readHttpCacheOptions({ cache, ...options } as HttpCacheOptions)

describe('the options of an HTTP cache', () => {
  it('have defaults', () => {
    expect(read({})).toMatchObject({
      policy: defaultPolicy,
      statusName: 'holdfast',
      maxBodyBytes: 10_000_000,
      keepSetCookie: false,
      timeoutMs: 300_000,
    })
  })

  it('are read in the units they are written in', () => {
    expect(
      read({
        freshness: { min: '1s', max: '1m', heuristic: false, negative: 5 },
        maxBodyBytes: '1kib',
        cacheStatus: false,
        targeted: ['My-CDN-Cache-Control'],
        setCookie: 'keep',
      }),
    ).toMatchObject({
      policy: {
        minMs: 1_000,
        maxMs: 60_000,
        heuristicShare: 0,
        negativeMs: 5,
        targetedFields: ['my-cdn-cache-control'],
      },
      statusName: undefined,
      maxBodyBytes: 1_024,
      keepSetCookie: true,
    })
  })

  it('are refused at once, by name', () => {
    for (const [options, message] of [
      [{ cache: {} }, /createHttpCache: cache must be a cache/],
      [{ fetch: 1 }, /createHttpCache: fetch must be a function/],
      [{ freshnes: {} }, /did you mean 'freshness'/],
      [{ freshness: { ttl: 1 } }, /createHttpCache: freshness has no option 'ttl'/],
      [{ freshness: { max: -1 } }, /createHttpCache: freshness\.max must be/],
      [{ freshness: { heuristic: 1 } }, /freshness\.heuristic must be true or false/],
      [{ freshness: { min: '2s', max: '1s' } }, /freshness\.min must not be longer/],
      [{ maxBodyBytes: 0 }, /maxBodyBytes must be/],
      [{ cdnId: '' }, /cdnId must be/],
      [{ cdnId: 'a\nb' }, /cdnId must be/],
      [{ cacheStatus: 'yes' }, /cacheStatus must be/],
      [{ targeted: ['a b'] }, /targeted\[0\] must be a field name/],
      [{ setCookie: 'share' }, /setCookie must be one of 'drop', 'keep'/],
      [{ timeout: 'soon' }, /timeout must be/],
    ] as const) {
      expect(() => read(options), String(message)).toThrow(InvalidOptionError)
      expect(() => read(options)).toThrow(message)
    }
  })
})
