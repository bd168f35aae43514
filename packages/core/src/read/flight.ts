import type { Entry } from '../entry/entry.ts'
import { releaseMarks, type Scope, type TagMark } from '../invalidation/scope.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import type { Load } from './load.ts'
import type { Wait } from './outcome.ts'

/** One key's share of a load: what its waiters wait for, and whether its value may still be kept. */
export class Flight implements Wait {
  readonly scope: Scope
  readonly key: string
  readonly nearKey: string
  readonly policy: EntryPolicy
  /** The family's invalidations when the load started: what is invalidated later keeps the value out. */
  readonly seq: number
  /** What was kept under the key when the load started, if it was usable. */
  readonly stale: Entry | undefined
  /** When the call came that started the load. */
  readonly since: number
  /** Marks of the tags that the call named; those that the loader names come at its end. */
  readonly marks: readonly TagMark[] | undefined
  load!: Load
  /** The loader has been called: who joins from here on may come after an invalidation in another process. */
  called = false
  /** The far tier answered, and no loader ran for it. */
  fromFar = false
  /** How often the store has been asked for it. */
  asked = 0
  /** Another process invalidated the key while it was being loaded: the value is not kept. */
  fencedAfar = false
  /** Somebody joined after the loader had been called, perhaps after an invalidation that this process has not heard of yet. */
  joinedLate = false
  /** Those have to ask the store, which knows. */
  asksAgain = false
  /** The key itself was invalidated, or a newer load took its place: the value goes to the waiters and nowhere else. */
  voided = false
  settled = false
  /** Its value lies in the store, or in memory where there is no store. */
  isStored = false
  /** Its value is there and on its way to the store, which takes a bounded time. */
  isBeingKept = false
  /** Loaded while the cache is off: shared with nobody, and not kept. */
  readonly apart: boolean
  /** The loader named tags at its end, and tags had been invalidated since its start: only waiters from before may have the value. */
  lateTagsFenced = false
  /** What those who joined get is the cache's own copy, of which each makes one for itself. */
  copyPerWaiter = false

  // Two answers, each made only if somebody waits for it: a refresh that fails behind its caller rejects nothing.
  #own: Answer | undefined
  #shared: Answer | undefined

  constructor(
    scope: Scope,
    key: string,
    nearKey: string,
    policy: EntryPolicy,
    seq: number,
    stale: Entry | undefined,
    since: number,
  ) {
    this.scope = scope
    this.key = key
    this.nearKey = nearKey
    this.policy = policy
    this.seq = seq
    this.stale = stale
    this.since = since
    this.apart = scope.isOff
    this.marks = scope.holdMarks(policy.tags)
  }

  /** An invalidation kept its value out: a caller who asked for a refresh has not had one by waiting for it. */
  get isFenced(): boolean {
    return this.lateTagsFenced || this.fencedAfar
  }

  /** What the call gets that starts the load; asked for before the load runs. */
  get own(): Promise<unknown> {
    this.#own ??= new Answer()
    return this.#own.promise
  }

  // What the call waits for that started the load, as long as it cannot leave: no object is made for it.
  get answer(): Promise<unknown> {
    return this.own
  }

  get flight(): Flight {
    return this
  }

  get coalesced(): boolean {
    return false
  }

  /** What a call gets that joins; nobody joins a flight that has landed. */
  get shared(): Promise<unknown> {
    this.#shared ??= new Answer()
    return this.#shared.promise
  }

  /** Whether anybody waits for it. */
  get isAwaited(): boolean {
    return this.#own !== undefined || this.#shared !== undefined
  }

  /** The caller that started the load has its value although the store is slow to take it: nothing that comes later concerns it. */
  resolveOwn(own: unknown): void {
    this.#own?.resolve(own)
  }

  /** `shared` differs from `own` where it is the cache's private copy, which no caller may touch. */
  resolve(own: unknown, shared: unknown): void {
    land(this)
    this.#own?.resolve(own)
    this.#shared?.resolve(shared)
  }

  /** All waiters get the same error object. */
  reject(error: unknown): void {
    land(this)
    this.#own?.reject(error)
    this.#shared?.reject(error)
  }
}

// A private method would cost each flight a field that proves its class.
function land(flight: Flight): void {
  if (flight.settled) return
  flight.settled = true
  releaseMarks(flight.marks)
}

let resolveLatest: (value: unknown) => void
let rejectLatest: (error: unknown) => void

// One for all promises: a closure for each would be made on every miss.
const handOver = (resolve: typeof resolveLatest, reject: typeof rejectLatest): void => {
  resolveLatest = resolve
  rejectLatest = reject
}

class Answer {
  readonly promise = new Promise<unknown>(handOver)
  readonly resolve = resolveLatest
  readonly reject = rejectLatest
}
