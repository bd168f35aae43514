import { expectTypeOf, test } from 'vitest'
import { compareRings, createRing, parseNutcracker, type Ring, type RingOptions } from './index.ts'

test('a parsed pool is accepted as it is', () => {
  const { pools, warnings } = parseNutcracker('')
  const pool = pools.alpha!
  expectTypeOf(createRing(pool)).toEqualTypeOf<Ring>()
  expectTypeOf(pool).toExtend<RingOptions>()
  expectTypeOf(warnings).toEqualTypeOf<string[]>()
})

test('options that may be undefined can be handed on', () => {
  const seed = undefined as string | undefined
  expectTypeOf(
    createRing({ servers: [{ name: 'a' }], seed, hash: undefined }),
  ).toEqualTypeOf<Ring>()
})

test('a distribution, a hash and a compat mode are checked by the compiler', () => {
  // @ts-expect-error there is no such distribution
  createRing({ servers: [{ name: 'a' }], distribution: 'modulo' })
  // @ts-expect-error there is no such hash
  createRing({ servers: [{ name: 'a' }], hash: 'sha1' })
  // @ts-expect-error servers are objects
  createRing({ servers: ['a'] })
})

test('keys are text or bytes', () => {
  const ring = createRing({ servers: [{ name: 'a' }] })
  expectTypeOf(ring.locate).parameter(0).toEqualTypeOf<string | Uint8Array>()
  expectTypeOf(ring.locate('k')).toEqualTypeOf<string>()
  expectTypeOf(compareRings(ring, ring).moved).toEqualTypeOf<number>()
})
