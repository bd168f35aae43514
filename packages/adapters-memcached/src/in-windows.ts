/** No caller takes more of what may be pending on a connection than this at a time. */
const windowBytes = 8 * 1_024 * 1_024
const windowSize = 2_048

/**
 * Runs `run` for each, as many at once as fit into a window: one call with very many keys or very large values shall not
 * be refused as too much, nor take the connection from the others.
 * @param goOn asked between windows, after the errors so far; answers false, or throws, to end it.
 */
export async function inWindows<T>(
  all: readonly T[],
  bytesOf: (each: T) => number,
  run: (each: T) => Promise<unknown>,
  goOn: (errors: readonly unknown[]) => boolean,
): Promise<void> {
  const errors: unknown[] = []
  for (let from = 0; from < all.length; ) {
    let until = from
    let bytes = 0
    const open: Promise<unknown>[] = []
    while (until < all.length && until - from < windowSize) {
      bytes += bytesOf(all[until]!)
      if (until > from && bytes > windowBytes) break
      open.push(run(all[until++]!))
    }
    for (const end of await Promise.allSettled(open)) {
      if (end.status === 'rejected') errors.push(end.reason)
    }
    from = until
    if (from < all.length && !goOn(errors)) break
  }
  if (errors.length > 0) throw errors[0]
}
