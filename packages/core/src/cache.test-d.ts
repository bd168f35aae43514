import { describe, expectTypeOf, it } from 'vitest'
import { type Cache, createCache } from './cache.ts'
import type { Explanation } from './observe/explanation.ts'
import type { LoaderContext } from './read/loader-context.ts'

interface User {
  id: number
  name: string
}

declare const cache: Cache
declare const user: User

describe('wrap', () => {
  it('infers the value from the loader, synchronous or not', () => {
    expectTypeOf(cache.wrap('k', () => user)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(cache.wrap('k', async () => user)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(cache.wrap('k', () => 1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(cache.wrap('k', async () => [user])).toEqualTypeOf<Promise<User[]>>()
  })

  it('keeps undefined and null where the loader may return them', () => {
    expectTypeOf(cache.wrap('k', async (): Promise<User | undefined> => undefined)).toEqualTypeOf<
      Promise<User | undefined>
    >()
    expectTypeOf(cache.wrap('k', async (): Promise<User | null> => null)).toEqualTypeOf<
      Promise<User | null>
    >()
  })

  it('hands the loader its context, whose skip keeps the type and whose notModified fits every one', () => {
    cache.wrap('k', (context) => {
      expectTypeOf(context).toEqualTypeOf<LoaderContext>()
      expectTypeOf(context.stale).toBeUnknown()
      expectTypeOf(context.notModified).returns.toBeNever()
      return 1
    })
    expectTypeOf(cache.wrap('k', ({ skip }) => skip(user))).toEqualTypeOf<Promise<User>>()
    expectTypeOf(
      cache.wrap('k', ({ stale, notModified }) => (stale === undefined ? user : notModified())),
    ).toEqualTypeOf<Promise<User>>()
  })

  it('refuses what is no option, no key and no loader', () => {
    // @ts-expect-error a misspelt option
    cache.wrap('k', () => 1, { tll: '5m' })
    // @ts-expect-error no unit
    cache.wrap('k', () => 1, { ttl: '60' })
    // @ts-expect-error a unit that does not exist
    cache.wrap('k', () => 1, { ttl: '5 minutes' })
    // @ts-expect-error a key is a string
    cache.wrap(1, () => 1)
    // @ts-expect-error a loader is a function
    cache.wrap('k', 1)
    cache.wrap('k', () => 1, { ttl: '2.5s', staleIfError: 0, loadTimeout: Infinity })
  })
})

describe('wrapMany', () => {
  it('infers the value from a Map and from an array, holes left out', () => {
    expectTypeOf(
      cache.wrapMany(['a'], async (missing) => new Map(missing.map((key) => [key, user]))),
    ).toEqualTypeOf<Promise<Map<string, User>>>()
    expectTypeOf(cache.wrapMany(['a'], (missing) => missing.map(() => user))).toEqualTypeOf<
      Promise<Map<string, User>>
    >()
    expectTypeOf(
      cache.wrapMany(['a'], async (): Promise<(User | undefined)[]> => []),
    ).toEqualTypeOf<Promise<Map<string, User>>>()
  })

  it('hands its loader the missing keys and the context', () => {
    cache.wrapMany(['a'] as const, (missing, context) => {
      expectTypeOf(missing).toEqualTypeOf<string[]>()
      expectTypeOf(context).toEqualTypeOf<LoaderContext>()
      return [1]
    })
  })
})

describe('reads that never load', () => {
  it('are unknown until their caller says what was kept, and may always be undefined', () => {
    expectTypeOf(cache.get('k')).toEqualTypeOf<Promise<unknown>>()
    expectTypeOf(cache.get<User>('k')).toEqualTypeOf<Promise<User | undefined>>()
    expectTypeOf(cache.peek<User>('k')).toEqualTypeOf<User | undefined>()
    expectTypeOf(cache.getMany<User>(['k'])).toEqualTypeOf<Promise<Map<string, User>>>()
  })
})

describe('the rest', () => {
  it('is as the contract has it', () => {
    expectTypeOf(createCache).returns.toEqualTypeOf<Cache>()
    expectTypeOf(cache.namespace('n')).toEqualTypeOf<Cache>()
    expectTypeOf(cache.explain('k')).toEqualTypeOf<Promise<Explanation>>()
    expectTypeOf<Explanation['staleBecause']>().toEqualTypeOf<
      'ttl' | 'expire' | `tag ${string}` | undefined
    >()
    expectTypeOf(cache.enabled).toBeBoolean()
    expectTypeOf(cache.close)
      .parameter(0)
      .toEqualTypeOf<{ drain?: number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}` } | undefined>()
    expectTypeOf<Cache>().toExtend<AsyncDisposable>()
    cache.setMany([
      ['a', 1],
      ['b', 'two'],
    ])
    cache.setMany(new Map([['a', user]]))
    cache.delete(['a'] as const)
    expectTypeOf(cache.expireTags).toEqualTypeOf<Cache['invalidateTags']>()
    expectTypeOf(cache.expireTags(['t'] as const)).toEqualTypeOf<Promise<void>>()
    // @ts-expect-error a list, as of invalidateTags
    cache.expireTags('t')
  })

  it('types each event by its name', () => {
    cache.on('hit', (event) => expectTypeOf(event.durationMs).toBeNumber())
    cache.on('load', (event) => expectTypeOf(event.keys).toEqualTypeOf<readonly string[]>())
    cache.on('error', (event) => expectTypeOf(event.error).toBeUnknown())
    cache.on('invalidate', ({ operation }) => {
      expectTypeOf<'expireTags'>().toExtend<typeof operation>()
    })
    // @ts-expect-error no such event
    cache.on('mis', () => {})
  })
})
