/** One time at which a tag was expired. */
export interface Expiry<Id> {
  /** Tells it from the others: a place in a sequence, or a stamp. */
  readonly id: Id
  /** When, on the clock of whoever keeps the list. Only windows count from here; what is stale is told by `id` alone. */
  readonly at: number
}

/** So many times are told apart: a tag that is expired for every row of an import must not take memory for each. */
export const mostExpiries = 8

/**
 * `known`, oldest first, and one more. An entry is stale since the first expiry after its load, and not since the last:
 * else each would open its windows anew. Where there are too many, the two that lie closest become one, with the id of
 * the later, which is what loads have seen since, and the time of the earlier, so that no window grows by it.
 */
export function withExpiry<Id>(
  known: readonly Expiry<Id>[],
  id: Id,
  at: number,
): readonly Expiry<Id>[] {
  const all = [...known, { id, at }]
  if (all.length <= mostExpiries) return all
  let closest = 1
  const gap = (index: number) => (all[index] as Expiry<Id>).at - (all[index - 1] as Expiry<Id>).at
  for (let index = 2; index < all.length; index++) if (gap(index) < gap(closest)) closest = index
  const [earlier, later] = [all[closest - 1] as Expiry<Id>, all[closest] as Expiry<Id>]
  all.splice(closest - 1, 2, { id: later.id, at: Math.min(earlier.at, later.at) })
  return all
}
