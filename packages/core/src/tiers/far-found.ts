import type { Entry } from '../entry/entry.ts'
import type { Stamp } from '../entry/head.ts'
import type { VersionStamps } from './version-stamps.ts'

/** What the far tier says about a key; `readAt` is the monotonic instant at which it was asked. */
export type Found =
  | FoundEntry
  /** Nothing that may be used. `occupant` is what stands in the way of a claim: an entry that is over, or bytes that are not believed. */
  | {
      readonly state: 'absent'
      readonly readAt: number
      readonly stamps: Map<string, VersionStamps>
      readonly occupant: Uint8Array | undefined
      /** An invalidation came while the store was being asked: what is there now nobody has seen. */
      readonly overtaken?: true
    }
  /** Somebody is loading it. */
  | {
      readonly state: 'claimed'
      readonly readAt: number
      readonly stamps: Map<string, VersionStamps>
      readonly stamp: Stamp
      readonly beat: number
    }
  /** Somebody tried to load it and failed. */
  | {
      readonly state: 'failed'
      readonly readAt: number
      readonly stamps: Map<string, VersionStamps>
      readonly occupant: Uint8Array
    }
  /** The store does not answer. */
  | { readonly state: 'out' }

export interface FoundEntry {
  readonly state: 'entry'
  readonly readAt: number
  /** When the answer was there, on this process's monotonic clock: as fresh as the entry was then it is handed out. */
  readonly judgedAt: number
  readonly stamps: Map<string, VersionStamps>
  readonly entry: Entry
  readonly stamp: Stamp
}

export const out: Found = { state: 'out' }
