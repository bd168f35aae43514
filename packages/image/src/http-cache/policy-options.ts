/** What a deployment decides beyond what origins say. All spans are milliseconds. */
export interface PolicyOptions {
  /** Floor of every lifetime an origin gives. Never makes storable what must not be stored. */
  readonly minMs: number
  /** Ceiling of every lifetime. */
  readonly maxMs: number
  /** Share of the time since `Last-Modified` for which a response without a lifetime is fresh; 0 = not at all. */
  readonly heuristicShare: number
  /** Ceiling of a heuristic lifetime (RFC 9111, 4.2.2). */
  readonly heuristicMaxMs: number
  /** Window after freshness, where the origin gives none or a shorter one (RFC 5861, 3). */
  readonly staleWhileRevalidateMs: number
  /** Window for 5xx answers, where the origin gives none or a shorter one (RFC 5861, 4). */
  readonly staleIfErrorMs: number
  /** Window while no answer comes at all (RFC 9111, 4.2.4: disconnected). */
  readonly staleIfDisconnectedMs: number
  /** Lifetime of a 404 or 410 that brings none; 0 = none. */
  readonly negativeMs: number
  /** How long after its freshness an entry with a validator is worth keeping. */
  readonly keepStaleMs: number
  /** Response fields that go before `Cache-Control`, in order, lower case (RFC 9213). */
  readonly targetedFields: readonly string[]
}

const dayMs = 86_400_000

/** What RFC 9111 allows without asking anybody. */
export const defaultPolicy: PolicyOptions = Object.freeze({
  minMs: 0,
  maxMs: Number.POSITIVE_INFINITY,
  heuristicShare: 0.1,
  heuristicMaxMs: dayMs,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  staleIfDisconnectedMs: dayMs,
  negativeMs: 0,
  keepStaleMs: 7 * dayMs,
  targetedFields: Object.freeze(['cdn-cache-control']),
})
