/** What happened to the sessions of one `createSessions`, since it was called. Ids are in none of it. */
export interface SessionStats {
  /** Sessions that were first stored. */
  readonly created: number
  /** Changes that were stored. */
  readonly saved: number
  /** Lives that were prolonged without a write. */
  readonly touched: number
  readonly regenerated: number
  readonly destroyed: number
  /** Users all of whose sessions were ended by one `destroyAll`. */
  readonly erased: number
  /** Writes that met another request's and were merged with it. */
  readonly conflicts: number
  /** Late writes to sessions that had been destroyed, or had ended: nothing was stored. */
  readonly dropped: number
  /** Requests whose cookie no secret had signed: nothing was read for them. */
  readonly rejected: number
  /** Requests with a cookie of ours for a session that there is no more. */
  readonly unknown: number
  /** Stored sessions that could not be read as one, and were treated as absent. */
  readonly damaged: number
  /** Times a store was asked again. */
  readonly retries: number
  /** Operations that failed for good, each of them somebody's 503. */
  readonly failed: number
  /** Operations that wait for a store at this moment. */
  readonly waiting: number
}

/** The counters that the parts of a `createSessions` share. */
export type SessionCounters = {
  -readonly [Name in Exclude<keyof SessionStats, 'retries' | 'waiting'>]: number
}

export const sessionCounters = (): SessionCounters => ({
  created: 0,
  saved: 0,
  touched: 0,
  regenerated: 0,
  destroyed: 0,
  erased: 0,
  conflicts: 0,
  dropped: 0,
  rejected: 0,
  unknown: 0,
  damaged: 0,
  failed: 0,
})
