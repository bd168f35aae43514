/**
 * A library as its documentation sets it up. What it has no option or call for is left out here, and the page says
 * so; every name in `options` is looked up in its documentation.
 */
export interface Library {
  /** As it is called on npm. */
  readonly name: string
  readonly title: string
  /** The call that gets or loads, in the words of its documentation. */
  readonly call: string
  /** The set-up in one sentence, for the page. */
  readonly setUp: string
  /** Its name for the option that a row asks about. */
  readonly options: Readonly<Partial<Record<Feature, string>>>
  open(wish: Wish): Promise<Subject>
  /** A function whose key the library makes from the arguments. */
  defineFunction?(load: Answer, bound: number): Promise<Answer>
  /** Several instances that share a second tier, as processes share a server; each asks for itself. */
  openShared?(load: Load, instances: number): Promise<readonly Subject['ask'][]>
  /** Many keys in one call, with one call of the loader for those that are missing. */
  openBatch?(load: Load, loadMany: LoadMany): Promise<Batch>
}

export type Feature =
  | 'tags'
  | 'signal'
  | 'loadTimeout'
  | 'staleWhileRevalidate'
  | 'staleIfError'
  | 'refreshAhead'

export type Load = (key: string) => Promise<unknown>
export type LoadMany = (keys: readonly string[]) => Promise<unknown[]>
export type Answer = (...args: never[]) => Promise<unknown>

/** What a row wants of the library. An option that the library does not have is not asked for. */
export interface Wish {
  readonly load: Load
  /** Default: five minutes. */
  readonly ttlMs?: number
  /** How long after its ttl a value may still be used, in the way of the feature named. */
  readonly stale?: {
    readonly feature: 'staleWhileRevalidate' | 'staleIfError'
    readonly ms: number
  }
  /** Refresh behind the caller when less than this is left of the ttl. */
  readonly refreshAheadMs?: number
  readonly loadTimeoutMs?: number
  readonly tag?: string
  /** Without it the library's default, or the number that its documentation shows. */
  readonly bound?: number
}

export interface Subject {
  ask(key: string, signal?: AbortSignal): Promise<unknown>
  delete(key: string): Promise<unknown>
  invalidateTag?(tag: string): Promise<unknown>
}

export interface Batch {
  ask(key: string): Promise<unknown>
  askMany(keys: readonly string[]): Promise<unknown>
}

export const fiveMinutesMs = 300_000
