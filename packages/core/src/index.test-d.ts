import { describe, expectTypeOf, it } from 'vitest'
import type * as publicEntry from './index.ts'
import type {
  Cache,
  CacheEvents,
  CacheOptions,
  CacheStats,
  Clock,
  Defined,
  Definition,
  EntryOptions,
  Explanation,
  LoaderContext,
  MemoryOptions,
  ResilienceOptions,
  StandardSchemaV1,
} from './index.ts'

type IsAny<T> = 0 extends 1 & T ? true : false

/** What the platform types with `any` inside, such as the reason of an AbortSignal, is not ours to judge. */
type Foreign = AbortSignal | ArrayBufferView | Error | Date | RegExp

// biome-ignore lint/suspicious/noConfusingVoidType: functions return it
type Scalar = string | number | bigint | boolean | symbol | null | undefined | void

type Depth = readonly unknown[]

/** Whether a type is `any`, or holds it in a member, an argument or a result, eight levels deep. */
type HoldsAny<T> = true extends Finds<T, []> ? true : false

type Finds<T, D extends Depth> =
  IsAny<T> extends true
    ? true
    : D['length'] extends 8
      ? false
      : T extends Scalar | Foreign
        ? false
        : T extends Promise<infer V> | Iterable<infer V> | AsyncIterable<infer V>
          ? Finds<V, [...D, 0]>
          : T extends abstract new (
                ...args: infer A
              ) => infer I
            ? Finds<A[number], [...D, 0]> | FindsMember<Omit<I, keyof Error>, D>
            : T extends (...args: infer A) => infer R
              ? Finds<A[number], [...D, 0]> | Finds<R, [...D, 0]> | FindsMember<T, D>
              : FindsMember<T, D>

type FindsMember<T, D extends Depth> = {
  [Name in keyof T]-?: Finds<T[Name], [...D, 0]>
}[keyof T]

/** The names of those members that hold an `any`. */
type Culprits<T> = { [Name in keyof T]-?: HoldsAny<T[Name]> extends true ? Name : never }[keyof T]

describe('the public types', () => {
  it('hold no any: every runtime export', () => {
    expectTypeOf<Culprits<typeof publicEntry>>().toEqualTypeOf<never>()
  })

  it('hold no any: every type that callers write or read', () => {
    interface Types {
      Cache: Cache
      CacheOptions: CacheOptions
      EntryOptions: EntryOptions
      MemoryOptions: MemoryOptions
      ResilienceOptions: ResilienceOptions
      LoaderContext: LoaderContext
      Defined: Defined<[number], string>
      Definition: Definition<[number], string>
      CacheEvents: CacheEvents
      CacheStats: CacheStats
      Explanation: Explanation
      Clock: Clock
      StandardSchemaV1: StandardSchemaV1<unknown, string>
    }
    expectTypeOf<Culprits<Types>>().toEqualTypeOf<never>()
  })

  it('would show an any wherever it hides', () => {
    // biome-ignore lint/suspicious/noExplicitAny: this is what is looked for
    type Hidden = any
    expectTypeOf<HoldsAny<{ a: { b: () => Promise<Map<string, Hidden>> } }>>().toEqualTypeOf<true>()
    expectTypeOf<HoldsAny<(value: { deep: Hidden[] }) => void>>().toEqualTypeOf<true>()
    expectTypeOf<HoldsAny<{ a: unknown; b: never; c?: string }>>().toEqualTypeOf<false>()
  })
})
