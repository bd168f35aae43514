/** Share of an entry's life, at its end, in which a read may refresh early. */
const window = 0.1

/**
 * When a read should refresh before the entry is stale: XFetch's `expiry + delta * beta * ln(random)`, with the
 * measured load time as delta (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention,
 * VLDB 2015). Drawn once per entry and process instead of per read, and never before the last tenth of its life.
 */
export function earlyRefreshAt(
  storedAt: number,
  staleAt: number,
  loadMs: number,
  beta: number,
  random: number,
): number {
  if (beta === 0 || loadMs <= 0 || staleAt === Number.POSITIVE_INFINITY) return staleAt
  const ahead = -loadMs * beta * Math.log(1 - random)
  return Math.trunc(Math.max(staleAt - ahead, earliestRefreshAt(storedAt, staleAt)))
}

/** Before this no read refreshes early, whatever it draws. `NaN` for what is never stale. */
export function earliestRefreshAt(storedAt: number, staleAt: number): number {
  return staleAt - (staleAt - storedAt) * window
}
