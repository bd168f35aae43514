import fc from 'fast-check'

/**
 * A random story of one cache, its namespaces and an origin that changes with every tick, and the judge of it. Loaders
 * stay open until the story ends them, in any order. Each value carries the tick at which its loader began to read;
 * each invalidation is noted with the tick at which it was done. What a call may get follows from these two alone.
 */
export interface Story {
  readonly setting: Setting
  readonly steps: readonly Step[]
}

export interface Setting {
  readonly seed: number
  readonly swrMs: number
  readonly sieMs: number
  readonly errorTtlMs: number
  /** 0: no near tier at all. */
  readonly maxEntries: number
  /** Values hold something that cannot be frozen, so that each reader gets a copy. */
  readonly copied: boolean
  /** Few loads run at once, and few may wait. */
  readonly narrow: boolean
  /** How many keys and places the steps are folded into: few of them meet often, many mix. */
  readonly firstKey: number
  readonly keys: number
  readonly places: number
  /** Two caches over one store, whose operations take a random number of turns; 0: no store. */
  readonly shared: 0 | 2
}

export type Place = 0 | 1 | 2
export type Process = 0 | 1
export type Ending = 'value' | 'undefined' | 'error' | 'skip' | 'notModified' | 'shortTtl' | 'noTtl'

export type Step =
  | { do: 'wrap'; process: Process; place: Place; key: number; refresh: boolean; leaves: boolean }
  | {
      do: 'wrapMany'
      process: Process
      place: Place
      keys: number[]
      refresh: boolean
      leaves: boolean
    }
  | { do: 'get' | 'peek' | 'getMany'; process: Process; place: Place; key: number }
  | { do: 'set'; process: Process; place: Place; key: number }
  | { do: 'delete' | 'expire'; process: Process; place: Place; keys: number[] }
  | { do: 'invalidateTags' | 'expireTags'; process: Process; place: Place; tag: number }
  | { do: 'clear'; process: Process; place: Place }
  | { do: 'end'; which: number; ending: Ending; names: boolean }
  | { do: 'leave'; which: number }
  | { do: 'advance'; ms: number }
  | { do: 'turn' }
  | { do: 'switch'; process: Process; place: Place; on: boolean }

/** By number: without tags; with a tag of the call; with one that its loader names; with both. */
export const keys = ['plain', 'called', 'late', 'called-late'] as const
export const tags = ['call-tag', 'late-tag'] as const
export const places = ['', 'a', 'a/b'] as const

const processes = fc.constantFrom<Process>(0, 1)
const placeOf = fc.constantFrom<Place>(0, 0, 1, 2)
const key = fc.nat({ max: keys.length - 1 })
const someKeys = fc.uniqueArray(key, { minLength: 1, maxLength: 3 })
const rarely = fc.nat({ max: 5 }).map((n) => n === 0)
const sometimes = fc.nat({ max: 2 }).map((n) => n === 0)
const often = fc.boolean()
const which = fc.nat({ max: 7 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.record({
      do: fc.constant('wrap' as const),
      process: processes,
      place: placeOf,
      key,
      refresh: sometimes,
      leaves: rarely,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('wrapMany' as const),
      process: processes,
      place: placeOf,
      keys: someKeys,
      refresh: sometimes,
      leaves: rarely,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('get' as const, 'peek' as const, 'getMany' as const),
      process: processes,
      place: placeOf,
      key,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      process: processes,
      place: placeOf,
      key,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constantFrom('delete' as const, 'expire' as const),
      process: processes,
      place: placeOf,
      keys: someKeys,
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom('invalidateTags' as const, 'expireTags' as const),
      process: processes,
      place: placeOf,
      tag: fc.nat({ max: tags.length - 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('clear' as const), process: processes, place: placeOf }),
  },
  {
    weight: 18,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which,
      ending: fc.constantFrom<Ending>(
        ...(['value', 'value', 'value', 'value', 'error', 'undefined'] as const),
        ...(['notModified', 'notModified', 'notModified', 'skip', 'shortTtl', 'noTtl'] as const),
      ),
      names: often,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), which }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 10, 20, 30, 60, 100),
    }),
  },
  { weight: 8, arbitrary: fc.constant({ do: 'turn' } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('switch' as const),
      process: processes,
      place: placeOf,
      on: often,
    }),
  },
)

const setting = fc.record({
  seed: fc.nat(),
  swrMs: fc.constantFrom(0, 50),
  sieMs: fc.constantFrom(0, 80),
  errorTtlMs: fc.constantFrom(0, 0, 40),
  maxEntries: fc.constantFrom(100, 100, 100, 2, 0),
  copied: rarely,
  narrow: rarely,
  firstKey: key,
  keys: fc.constantFrom(1, 1, 2, 4),
  places: fc.constantFrom(1, 1, 2, 3),
  shared: fc.constant(0 as const),
})
const steps = fc.array(step, { minLength: 8, maxLength: 36, size: 'max' })

/** Stories of one process. */
export const stories: fc.Arbitrary<Story> = fc.record({ setting, steps })

/** Stories of two processes that share a store and a bus. */
export const sharedStories: fc.Arbitrary<Story> = fc.record({
  setting: setting.map((one) => ({ ...one, shared: 2 as const })),
  steps: steps.map((list) => list.filter((each) => each.do !== 'switch')),
})

/** A step as its setting has it: fewer keys, places and processes. */
export function folded(
  step: Step,
  { firstKey, keys: width, places: depth, shared }: Setting,
): Step {
  const fold = (key: number) => (firstKey + (key % width)) % keys.length
  return {
    ...step,
    ...('process' in step && shared === 0 ? { process: 0 } : {}),
    ...('place' in step ? { place: (step.place % depth) as Place } : {}),
    ...('key' in step ? { key: fold(step.key) } : {}),
    ...('keys' in step ? { keys: [...new Set(step.keys.map(fold))] } : {}),
  }
}
