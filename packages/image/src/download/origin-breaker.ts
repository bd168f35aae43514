import type { Clock } from '@holdfast/core'
import { ImageError } from '../image-error.ts'

const windowMs = 10_000
const sliceMs = 1_000
const leastCalls = 20
const failureShare = 0.5
const openMs = 5_000

/** What a request says of its origin; `unknown` where it was given up before there was an answer. */
export type Verdict = 'answered' | 'failed' | 'unknown'

interface Slice {
  readonly from: number
  calls: number
  failures: number
}

/**
 * Leaves an origin alone that fails too often: half of at least 20 requests in the last 10 s. After 5 s one request is
 * let through to see; the others go on being refused until it has been answered.
 */
export class OriginBreaker {
  readonly #clock: Clock
  #slices: Slice[] = []
  #openedAt: number | undefined
  #isProbing = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Nothing worth remembering. */
  get isIdle(): boolean {
    this.#forget(this.#clock.monotonic())
    return this.#openedAt === undefined && this.#slices.length === 0
  }

  /** @throws ImageError `unavailable` while it is open */
  async guard<T>(work: () => Promise<T>, verdictOn: (error: unknown) => Verdict): Promise<T> {
    const isProbe = this.#admit()
    try {
      const result = await work()
      this.#settle(isProbe, 'answered')
      return result
    } catch (error) {
      this.#settle(isProbe, verdictOn(error))
      throw error
    } finally {
      if (isProbe) this.#isProbing = false
    }
  }

  #admit(): boolean {
    if (this.#openedAt === undefined) return false
    const leftMs = this.#openedAt + openMs - this.#clock.monotonic()
    if (leftMs > 0 || this.#isProbing) {
      throw new ImageError('unavailable', 'this origin failed too often and is left alone', {
        retryAfterMs: Math.max(1, Math.ceil(leftMs)),
      })
    }
    this.#isProbing = true
    return true
  }

  #settle(isProbe: boolean, verdict: Verdict): void {
    // A probe that was given up leaves the question open: the next request is the next probe.
    if (verdict === 'unknown') return
    const failed = verdict === 'failed'
    const now = this.#clock.monotonic()
    if (isProbe) {
      this.#openedAt = failed ? now : undefined
      this.#slices = []
      return
    }
    this.#count(now, failed)
    // What was under way when it opened neither opens it again nor prolongs it.
    if (this.#openedAt === undefined && failed && this.#failsTooOften()) this.#openedAt = now
  }

  #count(now: number, failed: boolean): void {
    this.#forget(now)
    const from = Math.floor(now / sliceMs) * sliceMs
    let slice = this.#slices.at(-1)
    if (slice?.from !== from) {
      slice = { from, calls: 0, failures: 0 }
      this.#slices.push(slice)
    }
    slice.calls++
    if (failed) slice.failures++
  }

  #forget(now: number): void {
    while (this.#slices[0] !== undefined && this.#slices[0].from <= now - windowMs)
      this.#slices.shift()
  }

  #failsTooOften(): boolean {
    let calls = 0
    let failures = 0
    for (const slice of this.#slices) {
      calls += slice.calls
      failures += slice.failures
    }
    return calls >= leastCalls && failures >= calls * failureShare
  }
}
