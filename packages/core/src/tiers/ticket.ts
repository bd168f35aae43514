import type { Claim } from './claims.ts'
import type { VersionStamps } from './version-stamps.ts'

/**
 * The right, and the way, to store what a load of one key brings.
 * `fulfil`: by replacing the claim's placeholder. `refresh`: by replacing the value that was there, under a claim of
 * its own. `contend`: by replacing the mark of a holder that failed; the first to come stores. `plain`: a store that
 * cannot compare and set. `apart`: not at all, as the store does not answer.
 */
export interface Ticket {
  readonly mode: 'fulfil' | 'refresh' | 'contend' | 'plain' | 'apart'
  readonly claim?: Claim
  readonly head?: Uint8Array
  readonly stamps: ReadonlyMap<string, VersionStamps>
  /** When the stamps were read: the near tier's `maxAge` counts from here. */
  readonly readAt: number
  /** What the call may still spend on the store once the loader is done; all of it where it waited for another process. */
  readonly leftMs?: number
}

/** The store does not answer: nothing is kept there, and in the near tier for as long as an outage asks. */
export const apart: Ticket = { mode: 'apart', stamps: new Map(), readAt: 0 }
