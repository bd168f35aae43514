import { BoundedMarks } from './bounded-marks.ts'

interface Hold {
  readonly until: number
  readonly failures: number
  readonly kind: OriginFailure
}

/** How an origin failed: it answered with an error, or it did not answer. */
export type OriginFailure = 'error' | 'disconnected'

const leastMs = 3_000
const mostMs = 30_000
/** URLs remembered. Forgetting one costs the origin a request. */
const rememberedUrls = 1_000

/** Which origins' answers are not asked for again yet, because the last try failed and a stale one may stand in. */
export class OriginHolds {
  readonly #holds = new BoundedMarks<Hold>(rememberedUrls)

  /** What stale responses may stand in for now; `undefined`: the origin is to be asked. */
  active(key: string, now: number): OriginFailure | undefined {
    const hold = this.#holds.get(key)
    return hold !== undefined && now < hold.until ? hold.kind : undefined
  }

  /** 3 s after the first failure, twice as long after each further one, at most 30 s; or as long as the origin asks. */
  failed(key: string, kind: OriginFailure, now: number, retryAfterMs: number | undefined): void {
    const failures = (this.#holds.get(key)?.failures ?? 0) + 1
    const ownMs = Math.min(leastMs * 2 ** (failures - 1), mostMs)
    this.#holds.set(key, { until: now + (retryAfterMs ?? ownMs), failures, kind })
  }

  answered(key: string): void {
    this.#holds.delete(key)
  }
}
