import type { Clock } from '../clock.ts'
import { isCacheError, StoreError } from '../errors.ts'
import type { MetricsByServer, Store, StoreMetrics } from '../store/store.ts'

/** Longer than this nobody waits for a server to tell of itself. */
const pollTimeoutMs = 2_000
/** A server that will not tell is not asked again before. */
const refusedMs = 300_000

/** The measures that health is judged by; who tells none of them has told nothing. */
const members = [
  'evictions',
  'usedBytes',
  'connections',
  'cpuMs',
  'replicationLagMs',
] as const satisfies readonly (keyof StoreMetrics)[]

export interface Poll {
  /** When it was asked, monotonic. */
  readonly at: number
  /** By the server's name, `''` where there is one only; `undefined` where nothing came. */
  readonly servers: ReadonlyMap<string, StoreMetrics> | undefined
}

interface Asked {
  readonly clock: Clock
  readonly at: number
  readonly answer: Promise<Poll>
  refused: boolean
}

/** Caches that share a store share what it tells: a server is asked once in a period. */
const asked = new WeakMap<Store, Asked>()

/** What the servers of a store tell of themselves. Never rejects. */
export function pollStore(store: Store, clock: Clock, periodMs: number): Promise<Poll> {
  const at = clock.monotonic()
  const last = asked.get(store)
  if (last !== undefined && last.clock === clock) {
    if (at - last.at < (last.refused ? Math.max(refusedMs, periodMs) : periodMs)) return last.answer
  }
  const poll: Asked = { clock, at, refused: false, answer: ask() }
  asked.set(store, poll)
  return poll.answer

  async function ask(): Promise<Poll> {
    try {
      const servers = await within(store, clock)
      const tells = [...servers.values()].some((metrics) =>
        members.some((name) => metrics[name] !== undefined),
      )
      if (tells) return { at, servers }
      poll.refused = true
    } catch (error) {
      poll.refused =
        isCacheError(error) &&
        (error.code === 'ERR_HOLDFAST_UNSUPPORTED' || (error as StoreError).kind === 'denied')
    }
    return { at, servers: undefined }
  }
}

function within(
  store: Store & Partial<MetricsByServer>,
  clock: Clock,
): Promise<ReadonlyMap<string, StoreMetrics>> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new StoreError('metrics took too long', { kind: 'timeout' }))
    const timer = clock.setTimeout(late, pollTimeoutMs)
    const answer = async () =>
      (await store.metricsByServer?.()) ?? new Map([['', (await store.metrics?.()) ?? {}]])
    answer()
      .then(resolve, reject)
      .finally(() => clock.clearTimeout(timer))
  })
}
