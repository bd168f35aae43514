import type { NotKeptReason } from './events.ts'

/** What the cache knows of one key at one instant. Instants are Unix milliseconds, spans milliseconds. */
export interface Explanation {
  readonly key: string
  /** `fresh` and `stale` are usable; `error` is a kept error (`errorTtl`); `loading` has nothing usable but a load under way. */
  readonly status: 'fresh' | 'stale' | 'error' | 'loading' | 'absent'
  /** Where the entry is. */
  readonly tier: 'near' | undefined
  readonly storedAt: number | undefined
  readonly staleAt: number | undefined
  /** After this instant, which both stale windows count to, the entry is gone. */
  readonly expiresAt: number | undefined
  /** How long its load took; 0 for a value that was set. */
  readonly loadMs: number | undefined
  readonly tags: readonly string[]
  /** Estimated heap of the entry. */
  readonly bytes: number | undefined
  /** Of a stale entry: its `ttl` passed, or `expire()` said so. */
  readonly staleBecause: 'ttl' | 'expire' | undefined
  /** Why an entry that was kept is not usable any more, as far as it is remembered. */
  readonly goneBecause: string | undefined
  /** Why the last loaded or set value was not kept, as far as it is remembered. */
  readonly notKeptBecause: NotKeptReason | undefined
  /** Served without another try until this instant, because the last load failed. */
  readonly retryAt: number | undefined
  /** A load of the key is under way. */
  readonly loading: boolean
  /** The cache is switched off. */
  readonly off: boolean
  /** The server of a sharded store that keeps the key. */
  readonly shard: string | undefined
}
