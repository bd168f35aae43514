import { describe, expect, it } from 'vitest'
import { canary } from '../../../lab/src/canary.ts'
import { type Cache, createCache } from '../src/cache.ts'
import { ClosedError, InvalidOptionError, isCacheError, KeyError } from '../src/errors.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'

/** Everything a caller without types may pass. */
type Untyped = Record<string, (...args: unknown[]) => unknown>

const cacheOf = () => createCache({ clock: fakeClock() })
const untyped = (cache: Cache) => cache as unknown as Untyped
const load = () => 'value'

function thrownBy(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('not refused')
}

/** Refuses by rejecting, never by throwing, and before any loader runs. */
async function refused(call: () => unknown): Promise<Error> {
  let answer: unknown
  try {
    answer = call()
  } catch (error) {
    throw new Error('thrown, not rejected', { cause: error })
  }
  return (answer as Promise<never>).then(
    () => {
      throw new Error('not refused')
    },
    (error) => error as Error,
  )
}

describe('a key that is none', () => {
  const bad: [string, unknown, RegExp][] = [
    ['an empty string', '', /non-empty.*it was an empty string/],
    ['a number', 42, /it was of type number/],
    ['undefined', undefined, /it was undefined/],
    ['null', null, /it was null/],
    ['an object', { key: 1 }, /it was of type object/],
    ['a symbol', Symbol('k'), /it was of type symbol/],
    ['over 4 KiB of ASCII', 'k'.repeat(4_097), /at most 4,?096 bytes.*4097 bytes/],
    ['over 4 KiB in UTF-8, though not in characters', '\u20ac'.repeat(1_366), /4098 bytes/],
    ['ill-formed Unicode', 'ab\ud800', /half a surrogate pair at position 2/],
    ['ill-formed Unicode, the low half', '\udc00', /at position 0/],
  ]

  it.each(bad)('is refused with KeyError by every verb: %s', async (_what, key, message) => {
    const cache = cacheOf()
    let runs = 0
    const counted = () => {
      runs++
      return 'value'
    }
    const calls: (() => unknown)[] = [
      () => cache.wrap(key as string, counted),
      () => cache.namespace('n').wrap(key as string, counted),
      () => cache.wrapMany([key as string], () => [String(counted())]),
      () => cache.wrapMany(['good', key as string], () => [String(counted())]),
      () => cache.get(key as string),
      () => cache.getMany(['good', key as string]),
      () => cache.set(key as string, 1),
      () =>
        cache.setMany([
          ['good', 1],
          [key as string, 1],
        ]),
      () => cache.delete(['good', key as string]),
      () => cache.expire(['good', key as string]),
      () => cache.explain(key as string),
      () => cache.define('d', { load: counted, key: () => key as string })(),
    ]
    for (const call of calls) {
      const error = await refused(call)
      expect(error).toBeInstanceOf(KeyError)
      expect(error.message).toMatch(message)
    }
    expect(() => cache.peek(key as string)).toThrow(KeyError)
    expect(runs).toBe(0)
    expect(cache.stats()).toMatchObject({ entries: 0, loads: 0, invalidations: 0 })
  })

  it('is refused also alone by delete and expire, and a list of keys that is no list by the rest', async () => {
    const cache = untyped(cacheOf())
    for (const verb of ['delete', 'expire'] as const)
      for (const keys of ['', 7, undefined, { length: 1 }])
        expect(await refused(() => cache[verb]?.(keys))).toBeInstanceOf(KeyError)
    for (const keys of [undefined, 'key', new Set(['key']), 7]) {
      for (const verb of ['wrapMany', 'getMany'] as const) {
        const error = await refused(() => cache[verb]?.(keys, load))
        expect(error).toBeInstanceOf(InvalidOptionError)
        expect(error.message).toMatch(new RegExp(`${verb}.*array of keys`))
      }
    }
  })

  it('may be exactly 4,096 bytes long', async () => {
    const cache = cacheOf()
    for (const key of [
      'k'.repeat(4_096),
      `${'\u20ac'.repeat(1_365)}k`,
      '\u{1f600}'.repeat(1_024),
    ]) {
      expect(await cache.wrap(key, load)).toBe('value')
      expect(cache.peek(key)).toBe('value')
    }
  })
})

describe('an option that cannot work is refused with InvalidOptionError, which names it and says what was expected:', () => {
  const bad: [string, Record<string, unknown>, RegExp][] = [
    ['ttl NaN', { ttl: Number.NaN }, /^ttl must be milliseconds.*it was NaN/],
    ['a negative ttl', { ttl: -1 }, /^ttl must be.*from 0.*-1$/],
    ["ttl '60'", { ttl: '60' }, /^ttl must be.*such as '250ms'.*the string "60"/],
    ["ttl '5 minutes'", { ttl: '5 minutes' }, /^ttl must be.*the string "5 minutes"/],
    ["ttl '-5m'", { ttl: '-5m' }, /^ttl must be/],
    ["ttl '5M'", { ttl: '5M' }, /^ttl must be/],
    ["ttl ''", { ttl: '' }, /^ttl must be/],
    ['ttl null', { ttl: null }, /^ttl must be.*null/],
    ['ttl as an object', { ttl: {} }, /^ttl must be.*type object/],
    ['a misspelt option', { tll: '5m' }, /no option 'tll'; did you mean 'ttl'\?/],
    ['another misspelt one', { stalewhilerevalidate: 1 }, /did you mean 'staleWhileRevalidate'\?/],
    ['an unknown option', { whatever: 1 }, /no option 'whatever'.*ttl, /],
    [
      'softTimeout above loadTimeout',
      { softTimeout: '3s', loadTimeout: '2s' },
      /softTimeout \(3000 ms\) must not be above loadTimeout \(2000 ms\).*lower softTimeout or raise loadTimeout/,
    ],
    [
      'softTimeout above the default loadTimeout',
      { softTimeout: '11s' },
      /softTimeout \(11000 ms\)/,
    ],
    ['loadTimeout 0', { loadTimeout: 0 }, /^loadTimeout must be above 0/],
    ['jitter above 1', { jitter: 1.1 }, /^jitter must be a share from 0 to 1; it was 1.1/],
    ['jitter NaN', { jitter: Number.NaN }, /^jitter must be/],
    ['earlyRefresh true', { earlyRefresh: true }, /^earlyRefresh must be false, or/],
    ['earlyRefresh Infinity', { earlyRefresh: Number.POSITIVE_INFINITY }, /^earlyRefresh must be/],
    ['refresh 1', { refresh: 1 }, /^refresh must be true or false; it was 1/],
    ['tags as a string', { tags: 'users' }, /^tags must be an array of strings; it was/],
    ['an empty tag', { tags: ['a', ''] }, /^tags\[1\] must be a non-empty/],
    ['an ill-formed tag', { tags: ['\ud800'] }, /^tags\[0\] must be a non-empty, well-formed/],
    ['a tag over 4 KiB', { tags: ['t'.repeat(4_097)] }, /^tags\[0\].*at most 4,?096 bytes/],
    ['a signal that is none', { signal: { aborted: false } }, /^signal must be an AbortSignal/],
  ]

  it.each(bad)('%s', async (_what, options, message) => {
    const cache = cacheOf()
    const given = options as never
    const rejections = [
      () => cache.wrap('k', load, given),
      () => cache.wrapMany(['k'], () => ['v'], given),
      () => cache.wrapMany([], () => [], given),
      () => cache.set('k', 1, given),
      () => cache.setMany([['k', 1]], given),
      () => cache.setMany([], given),
    ]
    for (const call of rejections) {
      const error = await refused(call)
      expect(error).toBeInstanceOf(InvalidOptionError)
      expect(error.message).toMatch(message)
    }
    expect(cache.stats()).toMatchObject({ entries: 0, loads: 0 })
    const throwing: [() => unknown, string][] = [
      [() => createCache({ defaults: given }), 'defaults'],
      [() => createCache({ policies: { 'k*': given } }), "policies['k*']"],
      [() => cache.namespace('n', given), 'namespace defaults'],
      [() => cache.define('d', { load, ...(options as object) }), "define('d')"],
      [() => cache.define('d', { load }).with(given), "define('d').with(options)"],
    ]
    for (const [call, where] of throwing) {
      const error = thrownBy(call)
      expect(error).toBeInstanceOf(InvalidOptionError)
      // Among many it has to be said which of them it is.
      expect(error.message.startsWith(where)).toBe(true)
      const unplaced = error.message.slice(where.length).replace(/^[.:] ?/, '')
      expect(unplaced.trimStart()).toMatch(message)
    }
  })

  it.each([
    ['options null', null],
    ['options as an array', []],
    ['options as a number', 60],
    ['options as a string', '5m'],
    ['options as a function', () => {}],
  ])('%s', async (_what, options) => {
    const cache = untyped(cacheOf())
    for (const error of [
      await refused(() => cache.wrap?.('k', load, options)),
      await refused(() => cache.wrapMany?.(['k'], load, options)),
      await refused(() => cache.set?.('k', 1, options)),
    ]) {
      expect(error).toBeInstanceOf(InvalidOptionError)
      expect(error.message).toMatch(/must be an object/)
    }
    expect(() => cache.namespace?.('n', options)).toThrow(InvalidOptionError)
    const defined = cacheOf().define('d', { load })
    expect(() => defined.with(options as never)).toThrow(InvalidOptionError)
  })
})

describe('createCache refuses', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'an unknown option',
      { memroy: {} },
      /createCache has no option 'memroy'; did you mean 'memory'\?/,
    ],
    ['an unknown memory option', { memory: { maxEntires: 1 } }, /did you mean 'maxEntries'\?/],
    ['an unknown resilience option', { resilience: { loadQue: 1 } }, /did you mean 'loadQueue'\?/],
    ['options that are none', 7, /createCache.*must be an object of options; it was 7/],
    ['null', null, /it was null/],
    ['memory true', { memory: true }, /memory must be an object of options; it was true/],
    [
      'no entries',
      { memory: { maxEntries: 0 } },
      /memory.maxEntries must be a whole number from 1/,
    ],
    ['half an entry', { memory: { maxEntries: 1.5 } }, /memory.maxEntries must be a whole number/],
    [
      'a memory without any bound',
      { memory: { maxEntries: Infinity, maxBytes: Infinity } },
      /must not both be Infinity/,
    ],
    ['an eviction it does not know', { memory: { eviction: 'random' } }, /one of 'lru', 'fifo'/],
    [
      'a way of values it does not know',
      { memory: { values: 'frozen' } },
      /one of 'isolated', 'copied', 'shared'/,
    ],
    ['maxAge as text', { memory: { maxAge: '1 hour' } }, /memory.maxAge must be milliseconds/],
    ['no name', { name: '' }, /^name must be.*well-formed string/],
    ['a name that is no string', { name: 5 }, /^name must be.*number/],
    ['a namespace that is no string', { namespace: 5 }, /namespace must be/],
    ['enabled as text', { enabled: 'yes' }, /enabled must be true or false; it was .*string/],
    [
      'no place for any load',
      { resilience: { loadConcurrency: 0 } },
      /resilience.loadConcurrency must be a whole number from 1/,
    ],
    [
      'a negative queue',
      { resilience: { loadQueue: -1 } },
      /resilience.loadQueue must be a whole number from 0/,
    ],
    [
      'a clock without timers',
      { clock: { now: () => 0 } },
      /clock must .*the methods now, monotonic, random/,
    ],
    ['policies as a list', { policies: 7 }, /policies must be an object/],
    ['an empty pattern', { policies: { '': {} } }, /must not hold an empty pattern; use '\*'/],
    [
      'a policy with a fault',
      { policies: { 'a:*': { ttl: 'x' } } },
      /^policies\['a:\*'\]\.ttl must be/,
    ],
  ])('%s, by throwing', (_what, options, message) => {
    expect(() => createCache(options as never)).toThrow(InvalidOptionError)
    expect(() => createCache(options as never)).toThrow(message)
  })
})

describe('define refuses, by throwing,', () => {
  it.each<[string, unknown, unknown, RegExp]>([
    ['no name', '', { load }, /define\(name\) must be.*well-formed string/],
    ['a name that is no string', 7, { load }, /define\(name\).*number/],
    ['no definition', 'd', undefined, /define\('d'.*definition.* an object/],
    ['a definition without a loader', 'd', {}, /needs either load or loadWith as a function/],
    ['one with two', 'd', { load, loadWith: load }, /either load or loadWith/],
    ['a key that is no function', 'd', { load, key: 'k' }, /key must be a function/],
    ['a schema that is none', 'd', { load, schema: {} }, /schema must .*Standard Schema/],
    ['tags that are none', 'd', { load, tags: [7] }, /define\('d'\): tags\[0\] must be/],
    ['an empty version', 'd', { load, version: '' }, /define\('d'\): version must be/],
    [
      'no place for any load',
      'd',
      { load, loadConcurrency: 0 },
      /loadConcurrency must be a whole number from 1/,
    ],
    [
      'an unknown option',
      'd',
      { load, tll: 1 },
      /define\('d'\) has no option 'tll'; did you mean 'ttl'\?/,
    ],
  ])('%s', (_what, name, definition, message) => {
    const cache = untyped(cacheOf())
    expect(() => cache.define?.(name, definition)).toThrow(InvalidOptionError)
    expect(() => cache.define?.(name, definition)).toThrow(message)
  })

  it('what belongs to define where only options of a call may be', () => {
    const defined = cacheOf().define('d', { load })
    for (const name of ['load', 'loadWith', 'key', 'schema', 'version', 'loadConcurrency'])
      expect(() => defined.with({ [name]: load })).toThrow(/with\(options\)/)
  })
})

describe('everything else that is no argument', () => {
  it('is refused before it can do harm: a loader that is no function', async () => {
    const cache = untyped(cacheOf())
    for (const loader of [undefined, null, 'value', {}, Promise.resolve('value')]) {
      for (const call of [() => cache.wrap?.('k', loader), () => cache.wrapMany?.(['k'], loader)]) {
        const error = await refused(call)
        expect(error).toBeInstanceOf(InvalidOptionError)
        expect(error.message).toMatch(/^the loader of wrap.* must be a function; it was/)
      }
    }
  })

  it('is refused: an event that does not exist, a listener that is none, a drain that is none', async () => {
    const cache = untyped(cacheOf())
    expect(() => cache.on?.('mis', () => {})).toThrow(/no event 'mis'; did you mean 'miss'\?/)
    expect(() => cache.on?.('miss', 'log')).toThrow(/function; it was .*string/)
    expect(await refused(() => cache.close?.({ drain: 'soon' }))).toBeInstanceOf(InvalidOptionError)
    for (const options of [5, null, '2s'])
      expect((await refused(() => cache.close?.(options))).message).toMatch(
        /^close\(options\) must be an object of options/,
      )
    expect(await refused(() => cache.close?.({ drian: 1 }))).toBeInstanceOf(InvalidOptionError)
    // A refused close closes nothing.
    expect(await cache.wrap?.('k', load)).toBe('value')
  })

  it('is refused: tags that are none, entries that are none, a namespace without a name, enabled as text', async () => {
    const cache = untyped(cacheOf())
    for (const tags of ['users', undefined, [''], [7]]) {
      expect(await refused(() => cache.invalidateTags?.(tags))).toBeInstanceOf(InvalidOptionError)
      expect(await refused(() => cache.expireTags?.(tags))).toBeInstanceOf(InvalidOptionError)
    }
    for (const entries of [undefined, 7, ['key'], [7], [['key', 1], 'no']])
      expect(isCacheError(await refused(() => cache.setMany?.(entries)))).toBe(true)
    for (const name of ['', 7, undefined, '\ud800', 'n'.repeat(257)])
      expect(() => cache.namespace?.(name)).toThrow(InvalidOptionError)
    expect(() => {
      ;(cache as unknown as { enabled: string }).enabled = 'no'
    }).toThrow(InvalidOptionError)
    expect((cache as unknown as Cache).stats().entries).toBe(0)
  })

  it('never shows a value or a key in the message', async () => {
    const cache = untyped(cacheOf())
    const secret = canary
    const errors = [
      await refused(() => cache.wrap?.(`${secret}\ud800`, load)),
      await refused(() => cache.wrap?.(secret.repeat(1_000), load)),
      await refused(() => cache.wrap?.('k', secret)),
      await refused(() => cache.wrap?.('k', load, { tags: secret })),
      await refused(() => cache.wrap?.('k', load, { signal: secret })),
      await refused(() => cache.set?.('k', 1, secret)),
    ]
    for (const error of errors) expect(error.message).not.toContain(secret)
  })
})

describe('a call on a closed cache', () => {
  it('rejects with ClosedError, or throws it where it would answer at once; close itself may be called again', async () => {
    const cache = createCache({ clock: fakeClock(), name: 'users' })
    const defined = cache.define('d', { load })
    const inner = cache.namespace('inner')
    await cache.set('k', 'v')
    await inner.set('k', 'v')
    await cache.close()
    await cache.close()
    for (const each of [cache, inner]) {
      const rejections = [
        () => each.wrap('k', load),
        () => each.wrapMany(['k'], () => ['v']),
        () => each.wrapMany([], () => []),
        () => each.get('k'),
        () => each.getMany(['k']),
        () => each.set('k', 1),
        () => each.setMany([]),
        () => each.delete('k'),
        () => each.expire('k'),
        () => each.invalidateTags(['t']),
        () => each.expireTags(['t']),
        () => each.clear(),
        () => each.explain('k'),
      ]
      for (const call of rejections) {
        const error = await refused(call)
        expect(error).toBeInstanceOf(ClosedError)
        expect(error.message).toMatch(/cache 'users' is closed/)
      }
      for (const call of [
        () => each.peek('k'),
        () => each.define('e', { load }),
        () => each.namespace('n'),
        () => each.on('hit', () => {}),
      ])
        expect(call).toThrow(ClosedError)
    }
    for (const call of [
      () => defined(),
      () => defined.many([[]]),
      () => defined.set([], 'v'),
      () => defined.delete(),
      () => defined.expire(),
    ])
      expect(await refused(call)).toBeInstanceOf(ClosedError)
    expect(() => defined.peek()).toThrow(ClosedError)
    expect(cache.stats().entries).toBe(0)
    await cache[Symbol.asyncDispose]()
  })
})
