/** What a service of the sessions' stories tells of its traffic. */
export interface SessionTraffic {
  /** When the first request came, as a Unix time in milliseconds. */
  readonly beganAt: number
  readonly requests: {
    readonly index: number
    readonly count: number
    readonly writes: boolean
    /** 0 where the request itself failed. */
    readonly status: number
    readonly body: string | null
    readonly hasRetryAfter: boolean
    /** When it came, in milliseconds since the first. */
    readonly atMs: number
    readonly ms: number
  }[]
  /** The longest that the process itself was kept from its event loop. */
  readonly lagMs: number
}
