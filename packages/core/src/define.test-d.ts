import { describe, expectTypeOf, it } from 'vitest'
import type { Cache } from './cache.ts'
import type { Defined } from './define.ts'
import type { LoaderContext } from './read/loader-context.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

interface User {
  id: number
  name: string
}

declare const cache: Cache
declare const find: (id: number, deep?: boolean) => Promise<User>

describe('define with load', () => {
  it('infers arguments and value', () => {
    const user = cache.define('user', { load: find })
    expectTypeOf(user).toEqualTypeOf<Defined<Parameters<typeof find>, User>>()
    expectTypeOf(user(1)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(user.peek(1)).toEqualTypeOf<User | undefined>()
    expectTypeOf(user.many([[1], [2, true]])).toEqualTypeOf<Promise<User[]>>()
    expectTypeOf(user.key(1)).toBeString()
    expectTypeOf(user.with({ ttl: 0 })).toEqualTypeOf(user)
    // @ts-expect-error the argument is a number
    user('1')
    // @ts-expect-error so it is in the handle
    user.delete('1')
    // @ts-expect-error and the value is a user
    user.set([1], { id: 1 })
  })

  it('types the functions for key and tags by the arguments', () => {
    cache.define('user', {
      load: (id: number, region: string) => `${id} ${region}`,
      key: (id, region) => {
        expectTypeOf(id).toBeNumber()
        expectTypeOf(region).toBeString()
        return `${id}:${region}`
      },
      tags: (id) => {
        expectTypeOf(id).toBeNumber()
        return [`user:${id}`]
      },
    })
  })

  it('takes a loader without arguments, and one that is synchronous', () => {
    const all = cache.define('all', { load: () => [1, 2] })
    expectTypeOf(all()).toEqualTypeOf<Promise<number[]>>()
    // @ts-expect-error it takes none
    all(1)
  })
})

describe('define with loadWith', () => {
  it('infers arguments and value behind the context', () => {
    const user = cache.define('user', {
      loadWith: async (context, id: number) => {
        expectTypeOf(context).toEqualTypeOf<LoaderContext>()
        return { id, name: 'x' }
      },
    })
    expectTypeOf(user).parameters.toEqualTypeOf<[id: number]>()
    expectTypeOf(user(1)).toEqualTypeOf<Promise<{ id: number; name: string }>>()
  })
})

describe('define with a schema', () => {
  const schema = {} as StandardSchemaV1<{ id: string }, User>

  it('checks a loader that brings something unknown, and the value is the schema’s', () => {
    const user = cache.define('user', {
      load: async (_id: number): Promise<unknown> => ({}),
      schema,
      tags: (id) => {
        expectTypeOf(id).toBeNumber()
        return [`user:${id}`]
      },
    })
    expectTypeOf(user).toEqualTypeOf<Defined<[_id: number], User>>()
    expectTypeOf(user.peek(1)).toEqualTypeOf<User | undefined>()
    // @ts-expect-error and what is set is one
    user.set([1], { id: 1 })
  })

  it('does so where the loader brings any, or what the schema turns into something else', () => {
    const parsed = cache.define('user', { load: (text: string) => JSON.parse(text), schema })
    expectTypeOf(parsed('{}')).toEqualTypeOf<Promise<User>>()
    const turned = cache.define('user', {
      loadWith: async (context, id: number) => {
        expectTypeOf(context).toEqualTypeOf<LoaderContext>()
        return { id: String(id) }
      },
      schema,
    })
    expectTypeOf(turned).toEqualTypeOf<Defined<[id: number], User>>()
    expectTypeOf(cache.define('user', { load: find, schema })(1)).toEqualTypeOf<Promise<User>>()
  })
})

describe('define', () => {
  it('refuses both loaders, none, and what does not exist', () => {
    // @ts-expect-error one of the two is needed
    cache.define('user', {})
    // @ts-expect-error not both
    cache.define('user', {
      load: find,
      loadWith: (_context: LoaderContext, id: number) => find(id),
    })
    // @ts-expect-error a misspelt option
    cache.define('user', { load: find, tll: 1 })
    // @ts-expect-error no option of a call
    cache.define('user', { load: find }).with({ load: find })
  })
})
