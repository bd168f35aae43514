import { whenTurnEnds } from '../clock.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { Engine } from '../read/engine.ts'
import type { GuardedStore } from './guarded-store.ts'
import { Batch, Reading } from './read-batch.ts'

/** So many keys are asked for at once at most: an answer should not grow without bound. */
const mostInBatch = 1_000

/**
 * Reads of one turn of the event loop go out together, with each version once. Batching by microtask alone would
 * look as good in a closed loop and lose to single reads where each request comes in a turn of its own; so with
 * nothing under way a read goes out at once, else with the others when the turn ends.
 */
export class ReadQueue {
  readonly #engine: Engine
  readonly #store: GuardedStore
  readonly #answer: (batch: Batch) => Promise<void>
  #queued: Batch | undefined
  readonly #underWay = new Set<Batch>()

  /** `answer` asks the store for all keys of a batch, and leaves with each what was found. */
  constructor(engine: Engine, store: GuardedStore, answer: (batch: Batch) => Promise<void>) {
    this.#engine = engine
    this.#store = store
    this.#answer = answer
  }

  /**
   * A read that has not been sent is shared; one that has been may be from before an invalidation that a later caller
   * knows of.
   */
  ask(
    scope: Scope,
    key: string,
    nearKey: string,
    tags: readonly string[],
    wantsValue: boolean,
  ): Reading {
    const { seq } = this.#engine.fence
    if (!this.#store.isUsable) {
      const never = this.#newBatch()
      never.settle()
      return new Reading(scope, key, nearKey, tags, wantsValue, seq, never)
    }
    this.#queued ??= this.#newBatch()
    const batch = this.#queued
    const { byKey, readings } = batch
    const same = byKey.get(nearKey)
    if (same !== undefined && same.seq === seq && hasAll(same.tags, tags)) {
      same.wantsValue &&= wantsValue
      return same
    }
    const reading = new Reading(scope, key, nearKey, tags, wantsValue, seq, batch)
    byKey.set(nearKey, reading)
    if (readings.push(reading) === 1) {
      if (this.#underWay.size === 0) process.nextTick(() => this.#send())
      else whenTurnEnds(() => this.#send())
    } else if (readings.length === mostInBatch) this.#send()
    return reading
  }

  #newBatch(): Batch {
    const { clock, observer } = this.#engine
    return new Batch(clock.monotonic(), observer.timesCalls)
  }

  /** What is being read of this key now is from before an invalidation. */
  void(nearKey: string): void {
    // What is asked for from here on is not.
    if (this.#queued?.byKey.has(nearKey) === true) this.#send()
    for (const batch of this.#underWay) {
      batch.voided ??= new Set()
      batch.voided.add(nearKey)
    }
  }

  /** For tests of boundedness. */
  get pending(): number {
    return this.#underWay.size + (this.#queued?.readings.length ?? 0)
  }

  #send(): void {
    const batch = this.#queued
    if (batch === undefined) return
    this.#queued = undefined
    this.#underWay.add(batch)
    void this.#fetch(batch)
  }

  /** Never rejects. */
  async #fetch(batch: Batch): Promise<void> {
    try {
      await this.#answer(batch)
    } catch (error) {
      // Those that have no answer yet are out.
      this.#engine.storeFailed('get', error)
    } finally {
      this.#underWay.delete(batch)
      batch.settle()
    }
  }
}

// Most calls name no tags; a closure for each would be the most of it.
function hasAll(there: readonly string[], tags: readonly string[]): boolean {
  for (const tag of tags) if (!there.includes(tag)) return false
  return true
}
