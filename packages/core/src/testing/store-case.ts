import type { Store, StoreCapabilities } from '../store/store.ts'

/** The methods a store may have beyond the three it must have. */
export const optionalMethods = [
  'getMany',
  'setMany',
  'deleteMany',
  'add',
  'replace',
  'touch',
  'list',
  'bus',
  'metrics',
  'close',
] as const

export type OptionalMethod = (typeof optionalMethods)[number]

/** What a case has in its hands. */
export interface Trial {
  readonly store: Store
  readonly capabilities: StoreCapabilities
  /** A prefix of this case alone, for `list`. */
  readonly prefix: string
  /** A key of this case alone. */
  key(name: string): string
  /** Lets time pass for the store. */
  pass(ms: number): Promise<void>
  /** The clock that `pass` moves. */
  elapsedMs(): number
}

export interface StoreCase {
  readonly name: string
  readonly needs?: readonly OptionalMethod[]
  /** Why the declared capabilities leave nothing to check, if they do. */
  unless?(capabilities: StoreCapabilities): string | undefined
  check(trial: Trial): Promise<void>
}
