import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../errors.ts'
import { createRing } from './ring.ts'
import type { RingOptions } from './ring-options.ts'

const servers = [{ name: 'a' }, { name: 'b' }]
const refusal = (options: unknown): string => {
  try {
    createRing(options as RingOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError)
    return (error as Error).message
  }
  throw new Error('createRing took it')
}

describe('createRing refuses', () => {
  it.each([
    ['no options', undefined, /object with `servers`/],
    ['a misspelt option', { servers, hashtag: '{}' }, /did you mean 'hashTag'/],
    ['an unknown distribution', { servers, distribution: 'modulo' }, /did you mean 'modula'/],
    ['an unknown hash', { servers, hash: 'murmr' }, /did you mean 'murmur'/],
    ['an unknown compat', { servers, compat: 'mcrouter' }, /compat must be one of twemproxy/],
    ['an unknown char sign', { servers, charSign: 'both' }, /charSign must be one of/],
    ['a hash of another type', { servers, hash: 5 }, /hash must be one of .* got number/],
    ['a tag of one byte', { servers, hashTag: '{' }, /exactly two bytes.*got 1 bytes/],
    ['a tag of three bytes', { servers, hashTag: '{é' }, /got 3 bytes/],
    ['a tag that is no text', { servers, hashTag: 12 }, /got number/],
    ['an empty seed', { servers, seed: '' }, /seed must not be empty/],
    ['a seed that is no secret', { servers, seed: {} }, /seed must be a string/],
    ['a seed beside a hash', { servers, seed: 's', hash: 'md5' }, /cannot be combined with hash/],
    ['a seed in a compat mode', { servers, seed: 's', compat: 'twemproxy' }, /with compat/],
    ['chance that is no function', { servers, random: 0.5 }, /random must be a function/],
    [
      'rendezvous for twemproxy',
      { servers, compat: 'twemproxy', distribution: 'rendezvous' },
      /with compat 'twemproxy'/,
    ],
    [
      'a libmemcached mode without it',
      { servers, distribution: 'ketama_weighted' },
      /without `compat`/,
    ],
    [
      'murmur3 for twemproxy',
      { servers, compat: 'twemproxy', hash: 'murmur3' },
      /hash must be one of/,
    ],
    [
      'a hash tag for libmemcached',
      { servers, compat: 'libmemcached', hashTag: '{}' },
      /knows no hash tags/,
    ],
    [
      'weights for pymemcache',
      { servers: [{ name: 'a', weight: 2 }], compat: 'pymemcache' },
      /knows no weights/,
    ],
  ])('%s', (_what, options, message) => {
    expect(refusal(options)).toMatch(message)
  })

  it('without ever showing the seed', () => {
    expect(refusal({ servers, seed: 'hunter2', hash: 'md5' })).not.toContain('hunter2')
  })
})

describe('createRing takes', () => {
  it('a secret as text, bytes or a number, and the same text or bytes make the same ring', () => {
    const place = (seed: string | number | Uint8Array) => {
      const ring = createRing({ servers, seed })
      return Array.from({ length: 64 }, (_, i) => ring.locateIndex(`k${i}`)).join('')
    }
    expect(place('s')).toBe(place(new TextEncoder().encode('s')))
    expect(place(7)).toBe(place('7'))
    expect(place('s')).not.toBe(place('t'))
  })

  it('undefined for every option, as if it were not there', () => {
    const ring = createRing({
      servers,
      distribution: undefined,
      hash: undefined,
      hashTag: undefined,
      charSign: undefined,
      seed: undefined,
      compat: undefined,
      random: undefined,
    })
    expect(ring.distribution).toBe('slots')
  })

  it('the default of the system it follows', () => {
    expect(createRing({ servers, compat: 'twemproxy' }).distribution).toBe('ketama')
    expect(createRing({ servers, compat: 'libmemcached' }).distribution).toBe('modula')
    expect(createRing({ servers, compat: 'pymemcache' }).distribution).toBe('rendezvous')
  })
})
