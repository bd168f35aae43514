/** What happens to the replies of a server, each counted per connection from the moment the scenario began. */
export interface ReplyFault {
  /**
   * `drop`: the reply never comes, and the next ones do. `swap`: it changes places with the next one. `half`: its
   * first half comes, then nothing more. `garbage`: bytes that are no reply come in its place. `reset`: half of it,
   * then a reset of the connection. `delay`: it and all after it come later.
   */
  readonly kind: 'drop' | 'swap' | 'half' | 'garbage' | 'reset' | 'delay'
  /** The 1-based number of the reply, or a multiple. */
  readonly nth: number | { readonly every: number }
  /** For `delay`. */
  readonly ms?: number
}

/** What happens to bytes on their way in one direction. */
export interface LaneFaults {
  readonly latencyMs?: number
  /** Up to so much more, drawn per piece from the proxy's seed. The order stays. */
  readonly jitterMs?: number
  readonly bytesPerSecond?: number
  /** Cuts what passes into pieces of so many bytes, with a pause after each. */
  readonly slice?: { readonly bytes: number; readonly pauseMs: number }
  /** Bytes vanish; nobody is told. */
  readonly silent?: boolean
  /** A reset of both sides after so many bytes. */
  readonly resetAfterBytes?: number
  /** An orderly end after so many bytes. */
  readonly closeAfterBytes?: number
  /** The end of one side reaches the other so much later. */
  readonly slowCloseMs?: number
  /** Only towards the client, and only where the proxy knows the framing. */
  readonly replies?: readonly ReplyFault[]
}

/** A state of the network, as data. */
export interface Scenario {
  /**
   * New connections: `forward` (default), `silent` (accepted, and never answered), `reset` (accepted, and reset at
   * once). A refused port is a stopped proxy.
   */
  readonly connect?: 'forward' | 'silent' | 'reset'
  readonly toServer?: LaneFaults
  readonly toClient?: LaneFaults
  /** When the server's side ends, the client is not told. */
  readonly halfOpen?: boolean
}

/** The scenarios that stories use by name. */
export const scenarios = {
  healthy: {},
  slowReplies: { toClient: { latencyMs: 2_000 } },
  jitter: { toClient: { latencyMs: 60, jitterMs: 30 } },
  narrow: { toClient: { bytesPerSecond: 50_000 } },
  blackHole: { connect: 'silent', toServer: { silent: true }, toClient: { silent: true } },
  oneWay: { connect: 'silent', toClient: { silent: true } },
  halfOpen: {
    connect: 'silent',
    halfOpen: true,
    toServer: { silent: true },
    toClient: { silent: true },
  },
  slowClose: { toClient: { slowCloseMs: 2_000 } },
  reset: { connect: 'reset', toClient: { resetAfterBytes: 0 } },
  resetInReply: { toClient: { replies: [{ kind: 'reset', nth: { every: 20 } }] } },
  sliced: { toClient: { slice: { bytes: 7, pauseMs: 1 } } },
  garbage: { toClient: { replies: [{ kind: 'garbage', nth: { every: 20 } }] } },
  lostReply: { toClient: { replies: [{ kind: 'drop', nth: 1 }] } },
  swappedReplies: { toClient: { replies: [{ kind: 'swap', nth: { every: 20 } }] } },
  halfReply: { toClient: { replies: [{ kind: 'half', nth: 1 }] } },
} as const satisfies Record<string, Scenario>
