import type { NotKeptReason } from './events.ts'

/** What the cache knows of one key at one instant. Instants are Unix milliseconds, spans milliseconds. */
export interface Explanation {
  readonly key: string
  /** `fresh` and `stale` are usable; `error` is a kept error (`errorTtl`); `loading` has nothing usable but a load under way. */
  readonly status: 'fresh' | 'stale' | 'error' | 'loading' | 'absent'
  /** Where the entry is. Asked of the store only where the near tier has none. */
  readonly tier: 'near' | 'far' | undefined
  readonly storedAt: number | undefined
  readonly staleAt: number | undefined
  /** After this instant, which both stale windows count to, the entry is gone. */
  readonly expiresAt: number | undefined
  /** How long its load took; 0 for a value that was set. */
  readonly loadMs: number | undefined
  readonly tags: readonly string[]
  /** Estimated heap of the entry; in the far tier, its bytes there. */
  readonly bytes: number | undefined
  /** Of a stale entry: its `ttl` passed, or `expire()` said so, or `expireTags()` of this tag of it. */
  readonly staleBecause: 'ttl' | 'expire' | `tag ${string}` | undefined
  /** Why an entry that was kept is not usable any more, as far as it is remembered; of bytes in the store that are not believed, `refused …`. */
  readonly goneBecause: string | undefined
  /** Why the last loaded or set value was not kept, as far as it is remembered. */
  readonly notKeptBecause: NotKeptReason | undefined
  /** Served without another try until this instant, because the last load failed. */
  readonly retryAt: number | undefined
  /** A load of the key is under way, here or, as far as the store knows, in another process. */
  readonly loading: boolean
  /** How long the near tier believes an entry without asking the store again: by default 30 s with a bus that tells of invalidations, 1 s without. `undefined` without a near tier; `Infinity` without a store. */
  readonly maxAgeMs: number | undefined
  /** The cache is switched off. */
  readonly off: boolean
  /** The server of a sharded store that keeps the key. */
  readonly shard: string | undefined
}
