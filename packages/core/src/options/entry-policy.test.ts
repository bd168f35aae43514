import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../errors.ts'
import { defaultPolicy, extendPolicy, softTimeoutOf } from './entry-policy.ts'
import type { EntryOptions } from './options.ts'

const extend = (options: unknown) => extendPolicy(defaultPolicy, options as EntryOptions)

describe('the options of an entry', () => {
  it('change the fields they name and leave the rest', () => {
    const signal = new AbortController().signal
    expect(
      extend({
        ttl: '2m',
        staleWhileRevalidate: 1,
        staleIfError: '1.5s',
        jitter: 0,
        earlyRefresh: false,
        nullTtl: 0,
        errorTtl: '1s',
        softTimeout: 5,
        retryAfterError: 6,
        loadTimeout: Infinity,
        tags: ['a', 'b', 'a'],
        refresh: true,
        signal,
      }),
    ).toEqual({
      maxLifeMs: Infinity,
      ttlMs: 120_000,
      swrMs: 1,
      sieMs: 1_500,
      jitter: 0,
      earlyBeta: 0,
      nullTtlMs: 0,
      errorTtlMs: 1_000,
      softTimeoutMs: 5,
      retryAfterErrorMs: 6,
      loadTimeoutMs: Infinity,
      tags: ['a', 'b'],
      refresh: true,
      signal,
    })
    expect(extend({ ttl: 1 })).toEqual({ ...defaultPolicy, ttlMs: 1 })
    expect(extend({ ttl: undefined })).toEqual(defaultPolicy)
    expect(extend(undefined)).toBe(defaultPolicy)
  })

  it('may be frozen, and tags are a frozen copy', () => {
    const tags = ['a']
    const policy = extend(Object.freeze({ tags }))
    tags.push('b')
    expect(policy.tags).toEqual(['a'])
    expect(Object.isFrozen(policy.tags)).toBe(true)
  })

  it('have a softTimeout of 1 s, which gives way to a shorter loadTimeout', () => {
    expect(softTimeoutOf(defaultPolicy)).toBe(1_000)
    expect(softTimeoutOf(extend({ loadTimeout: 200 }))).toBe(200)
    expect(softTimeoutOf(extend({ softTimeout: 10 }))).toBe(10)
  })

  it.each<[string, unknown, RegExp]>([
    ['null', null, /^options must be an object of options; it was null/],
    ['a list', [], /it was an array/],
    [
      'a misspelt name',
      { tll: 1 },
      /^options has no option 'tll'; did you mean 'ttl'\? It knows ttl, /,
    ],
    ['swapped letters', { tasg: [] }, /did you mean 'tags'/],
    ['a misspelt name that is undefined', { toString: undefined }, /no option 'toString'/],
    ['NaN', { ttl: Number.NaN }, /^ttl must be milliseconds.*it was NaN/],
    ['a negative ttl', { ttl: -1 }, /it was -1/],
    ['a number as text', { ttl: '60' }, /it was the string "60"/],
    ['words', { ttl: '5 minutes' }, /it was the string "5 minutes"/],
    ['a null', { staleIfError: null }, /^staleIfError must.*it was null/],
    ['a share above 1', { jitter: 1.1 }, /^jitter must be a share from 0 to 1; it was 1\.1/],
    ['a share as text', { jitter: '0.5' }, /^jitter must.*of type string/],
    [
      'an endless beta',
      { earlyRefresh: Infinity },
      /^earlyRefresh must be false, or.*it was Infinity/,
    ],
    ['true for a beta', { earlyRefresh: true }, /^earlyRefresh must be false, or.*it was true/],
    ['no time to load', { loadTimeout: 0 }, /^loadTimeout must be above 0/],
    [
      'softTimeout above loadTimeout',
      { softTimeout: 2, loadTimeout: 1 },
      /softTimeout \(2 ms\) must not be above/,
    ],
    ['one tag', { tags: 'a' }, /^tags must be an array of strings; it was of type string/],
    ['an empty tag', { tags: ['a', ''] }, /^tags\[1\] must be a non-empty.*an empty string/],
    ['a hole among tags', { tags: new Array(1) }, /^tags\[0\] must be.*it was undefined/],
    ['a long tag', { tags: ['ж'.repeat(2_049)] }, /at most 4096 bytes.*length 2049 and 4098 bytes/],
    ['refresh as a number', { refresh: 1 }, /^refresh must be true or false; it was 1/],
    ['something like a signal', { signal: { aborted: false } }, /^signal must be an AbortSignal/],
  ])('are refused: %s', (_name, options, message) => {
    expect(() => extend(options)).toThrow(InvalidOptionError)
    expect(() => extend(options)).toThrow(message)
  })

  it('never show a text that came in the wrong place', () => {
    expect(() => extend({ tags: [`secret\ud800`] })).toThrow(/^(?!.*secret)/s)
    expect(() => extend({ refresh: 'secret' })).toThrow(/^(?!.*secret)/s)
  })
})
