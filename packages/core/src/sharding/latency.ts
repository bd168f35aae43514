/** Spans as a caller would tell of them, in milliseconds. */
export interface LatencySummary {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Bounds grow by a fourth root of two from 1/16 ms: percentiles are exact to 19 percent, from 62 µs to 46 s. */
const perOctave = 4
const leastMs = 1 / 16
const bucketCount = 79

/** How long answers took: counts in buckets, so that it costs the same memory after a thousand answers and after a billion. */
export class Latency {
  readonly #buckets = new Uint32Array(bucketCount)
  #count = 0
  #sumMs = 0
  #maxMs = 0

  record(ms: number): void {
    const bucket = ms <= leastMs ? 0 : Math.ceil(Math.log2(ms / leastMs) * perOctave)
    this.#buckets[Math.min(bucketCount - 1, bucket)]!++
    this.#count++
    this.#sumMs += ms
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  summary(): LatencySummary {
    const count = this.#count
    return {
      count,
      meanMs: count === 0 ? 0 : this.#sumMs / count,
      p50Ms: this.#percentile(0.5),
      p99Ms: this.#percentile(0.99),
      maxMs: this.#maxMs,
    }
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    if (left === 0) return 0
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      left -= this.#buckets[bucket]!
      if (left <= 0) return Math.min(this.#maxMs, leastMs * 2 ** (bucket / perOctave))
    }
    return this.#maxMs
  }
}
