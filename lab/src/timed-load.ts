const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export interface Call {
  readonly key: string
  /** When it began, in milliseconds of `performance.now()`. */
  readonly at: number
  readonly ms: number
}

/** `run` for a random key, so many times a second, whatever becomes of it. */
export async function load(
  keys: readonly string[],
  perSecond: number,
  forMs: number,
  run: (key: string) => Promise<unknown>,
): Promise<Call[]> {
  const calls: Call[] = []
  const open: Promise<unknown>[] = []
  const startedAt = performance.now()
  for (let sent = 0; performance.now() - startedAt < forMs; ) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond)
    for (; sent < due; sent++) {
      const key = keys[(sent * 7_919) % keys.length]!
      const at = performance.now()
      open.push(
        run(key)
          .catch(() => {})
          .then(() => calls.push({ key, at, ms: performance.now() - at })),
      )
    }
    await sleep(2)
  }
  await Promise.all(open)
  return calls
}

/**
 * The calls of several loads, each without the time that this process could not run while the call was under way: a
 * busy machine takes that from every call alike, whatever the servers do.
 */
export async function withoutStalls<T extends readonly Call[][]>(
  run: () => Promise<T>,
): Promise<T> {
  const tickMs = 5
  const stalls: { readonly from: number; readonly to: number }[] = []
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    // A tick that is a little late is how timers are.
    if (now - last > 2 * tickMs) stalls.push({ from: last + tickMs, to: now })
    last = now
  }, tickMs)
  try {
    const loads = await run()
    const stalledMs = ({ at, ms }: Call) =>
      stalls.reduce(
        (sum, { from, to }) => sum + Math.max(0, Math.min(to, at + ms) - Math.max(from, at)),
        0,
      )
    return loads.map((calls) =>
      calls.map((call) => ({ ...call, ms: call.ms - stalledMs(call) })),
    ) as unknown as T
  } finally {
    clearInterval(timer)
  }
}

export function p99(calls: readonly Call[]): number {
  const sorted = calls.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0
}
