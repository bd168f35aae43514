import { describe, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { resolveCacheOptions } from './cache-settings.ts'
import type { CacheOptions } from './options.ts'

const resolve = (options: unknown) => resolveCacheOptions(options as CacheOptions)

describe('the options of a cache', () => {
  it('are complete without any, and frozen', () => {
    const settings = resolveCacheOptions()
    expect(settings).toMatchObject({
      name: 'default',
      namespace: 'default',
      memory: { maxEntries: 10_000, eviction: 'lru', values: 'isolated' },
      policy: { ttlMs: 300_000, jitter: 0.1, earlyBeta: 1, loadTimeoutMs: 10_000, tags: [] },
      resilience: { loadConcurrency: Infinity, loadQueue: 1_000 },
      clock: systemClock,
      enabled: true,
    })
    expect(settings.memory?.maxBytes).toBeLessThanOrEqual(64 * 1024 * 1024)
    for (const part of [settings, settings.memory, settings.resilience])
      expect(Object.isFrozen(part)).toBe(true)
  })

  it('take the name for the namespace, unless one is given; an empty one is none, on purpose', () => {
    expect(resolve({ name: 'users' }).namespace).toBe('users')
    expect(resolve({ name: 'users', namespace: 'u' }).namespace).toBe('u')
    expect(resolve({ name: 'users', namespace: '' }).namespace).toBe('')
  })

  it('keep a default where an option is undefined, and know no near tier where memory is false', () => {
    expect(resolve({ name: undefined, memory: { maxEntries: undefined } })).toMatchObject({
      name: 'default',
      memory: { maxEntries: 10_000 },
    })
    expect(resolve({ memory: false }).memory).toBeUndefined()
  })

  it('are copied: what happens to the object later has no effect', () => {
    const options: { memory: { maxEntries: number }; defaults: { ttl: number } } = {
      memory: { maxEntries: 5 },
      defaults: { ttl: 1 },
    }
    const settings = resolve(options)
    options.memory.maxEntries = 6
    options.defaults.ttl = 2
    expect(settings).toMatchObject({ memory: { maxEntries: 5 }, policy: { ttlMs: 1 } })
  })

  it.each<[string, unknown, RegExp]>([
    ['no object', 'x', /^createCache must be an object of options; it was of type string/],
    ['null', null, /createCache must be an object of options; it was null/],
    [
      'an unknown name',
      { defualts: {} },
      /no option 'defualts'; did you mean 'defaults'\? It knows/,
    ],
    ['a ttl that belongs to entries', { ttl: '5m' }, /no option 'ttl'; write defaults: \{ ttl \}/],
    ['a bound of the memory', { maxEntries: 5 }, /'maxEntries'; write memory: \{ maxEntries \}/],
    ['a name of Object.prototype', { constructor: 1 }, /no option 'constructor'/],
    ['an own __proto__', JSON.parse('{"__proto__":1}'), /no option '__proto__'/],
    ['a name that is far from all', { zzzzzzzz: 1 }, /no option 'zzzzzzzz'\. It knows name, /],
    ['an empty name', { name: '' }, /^name must be a non-empty.*it was an empty string/],
    ['a long name', { name: 'x'.repeat(257) }, /at most 256 bytes.*length 257 and 257 bytes/],
    ['an ill-formed namespace', { namespace: 'a\ud800' }, /^namespace must.*at position 1/],
    ['memory true', { memory: true }, /^memory must be an object of options; it was true/],
    ['memory null', { memory: null }, /^memory must be an object of options; it was null/],
    ['no entries', { memory: { maxEntries: 0 } }, /^memory\.maxEntries must be.*from 1.*was 0/],
    ['half an entry', { memory: { maxEntries: 1.5 } }, /a whole number.*it was 1\.5/],
    ['bytes as text', { memory: { maxBytes: '9' } }, /^memory\.maxBytes must.*of type string/],
    ['NaN bytes', { memory: { maxBytes: Number.NaN } }, /it was NaN/],
    ['a bad maxAge', { memory: { maxAge: -1 } }, /^memory\.maxAge must be milliseconds.*was -1/],
    [
      'an unknown eviction',
      { memory: { eviction: 'lfu' } },
      /^memory\.eviction must be one of 'lru', 'fifo'/,
    ],
    [
      'an unknown values',
      { memory: { values: 'frozen' } },
      /one of 'isolated', 'copied', 'shared'/,
    ],
    [
      'no bound at all',
      { memory: { maxEntries: Infinity, maxBytes: Infinity } },
      /must not both be/,
    ],
    [
      'no place to load',
      { resilience: { loadConcurrency: 0 } },
      /^resilience\.loadConcurrency must/,
    ],
    ['an unknown part of resilience', { resilience: { loadQue: 1 } }, /did you mean 'loadQueue'/],
    ['a clock without chance', { clock: { ...systemClock, random: 1 } }, /^clock must be.*random/],
    ['a clock that is null', { clock: null }, /^clock must be.*it was null/],
    [
      'enabled as text',
      { enabled: 'yes' },
      /^enabled must be true or false; it was of type string/,
    ],
    ['policies in a list', { policies: [] }, /^policies must be an object.*it was an array/],
    ['bad defaults', { defaults: { ttl: -1 } }, /^defaults\.ttl must be milliseconds/],
    [
      'an unknown default',
      { defaults: { tll: 1 } },
      /^defaults has no option 'tll'; did you mean 'ttl'/,
    ],
  ])('are refused before anything runs: %s', (_name, options, message) => {
    expect(() => resolve(options)).toThrow(InvalidOptionError)
    expect(() => resolve(options)).toThrow(message)
  })
})
