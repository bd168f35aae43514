import type { Clock, TimerHandle } from '@holdfast/core'
import type { RedisClient } from './redis-client.ts'
import type { ServerAddress } from './server-address.ts'
import { checkedAddress } from './server-address.ts'
import type { Way } from './servers.ts'

/** How often the lag is measured. */
const pollMs = 1_000
/** So soon after an answer that it is behind a replica is asked again; then half as soon each time. */
const firstAgainMs = 5

/** What INFO says about replication. */
export interface ReplicationFacts {
  readonly role: string | undefined
  readonly history: string | undefined
  readonly offset: number
  readonly isLinked: boolean
  readonly replicas: readonly ServerAddress[]
}

/** The answer to `INFO replication` (https://redis.io/docs/latest/commands/info/). */
export function replicationFacts(info: string): ReplicationFacts {
  const fact = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
  const role = fact('role')
  const replicas: ServerAddress[] = []
  for (const [, ip, port] of info.matchAll(/^slave\d+:ip=([^,]*),port=(\d+),state=online/gm)) {
    const address = checkedAddress(ip, Number(port))
    if (address !== undefined) replicas.push(address)
  }
  const said = fact(role === 'slave' ? 'slave_repl_offset' : 'master_repl_offset')
  return {
    role,
    history: fact('master_replid'),
    offset: said === undefined ? Number.NaN : Number(said),
    isLinked: fact('master_link_status') === 'up',
    replicas,
  }
}

export interface ReplicaLagOptions<Replica extends Way> {
  readonly primary: Way
  /** Makes what speaks to a replica. */
  readonly open: (address: ServerAddress) => Replica & { close(): void }
  readonly clock: Clock
  readonly maxLagMs: number
}

/**
 * How far a replica is behind its primary, by asking: how far the primary is, and then the replica until it is as far.
 * So it is known of a moment on the own clock that the replica has everything which was written before it, and no
 * clocks of two machines are compared. From that moment on it may be read from for `maxLag` and the second until the
 * next measurement; while nothing is known, not at all.
 */
export class ReplicaLag<Replica extends Way> {
  readonly #options: ReplicaLagOptions<Replica>
  #replica: { readonly key: string; readonly way: Replica & { close(): void } } | undefined
  /** The replica has everything that the primary had acknowledged then. */
  #caughtUpAt = Number.NEGATIVE_INFINITY
  #timer: TimerHandle
  #isMeasuring = false
  #closed = false

  constructor(options: ReplicaLagOptions<Replica>) {
    this.#options = options
  }

  /** A replica that has everything from before `since`, and is not too far behind. */
  replicaWith(since: number): Replica | undefined {
    if (!this.#isMeasuring) this.#start()
    const { clock, maxLagMs } = this.#options
    const isClose = clock.monotonic() - this.#caughtUpAt <= maxLagMs + pollMs
    return isClose && this.#caughtUpAt > since ? this.#replica?.way : undefined
  }

  /** It has everything from before this. */
  get caughtUpAt(): number {
    return this.#caughtUpAt
  }

  close(): void {
    this.#closed = true
    this.#options.clock.clearTimeout(this.#timer)
    this.#replica?.way.close()
  }

  #start(): void {
    this.#isMeasuring = true
    void this.#poll()
  }

  async #poll(): Promise<void> {
    const { clock } = this.#options
    const since = clock.monotonic()
    try {
      await this.#measure(since)
    } catch {
      // Nothing is known of it now: what was known runs out by itself.
    }
    if (this.#closed) return
    const leftMs = Math.max(0, pollMs - (clock.monotonic() - since))
    this.#timer = clock.setTimeout(() => void this.#poll(), leftMs)
  }

  async #measure(since: number): Promise<void> {
    const { clock, maxLagMs, primary } = this.#options
    const first = await factsOf(primary)
    const replica = this.#choose(first)
    if (replica === undefined) return
    for (let againMs = firstAgainMs; !this.#closed; againMs *= 2) {
      const its = await factsOf(replica)
      if (its.role !== 'slave' || !its.isLinked || its.history !== first.history) return
      if (its.offset >= first.offset) {
        this.#caughtUpAt = since
        return
      }
      if (clock.monotonic() - since + againMs > maxLagMs) return
      await new Promise<void>((resolve) => {
        this.#timer = clock.setTimeout(resolve, againMs)
      })
    }
  }

  /** The one in use as long as its primary knows it, else any. */
  #choose({ role, replicas }: ReplicationFacts): Replica | undefined {
    const { clock, open } = this.#options
    const keys = role === 'master' ? replicas.map(({ host, port }) => `${host}:${port}`) : []
    if (this.#replica !== undefined && keys.includes(this.#replica.key)) return this.#replica.way
    this.#replica?.way.close()
    this.#replica = undefined
    this.#caughtUpAt = Number.NEGATIVE_INFINITY
    if (keys.length === 0) return undefined
    const chosen = Math.floor(clock.random() * keys.length)
    this.#replica = { key: keys[chosen]!, way: open(replicas[chosen]!) }
    return this.#replica.way
  }
}

async function factsOf(way: Way): Promise<ReplicationFacts> {
  const ask = (client: RedisClient) => client.callBuffer('INFO', ['replication'])
  return replicationFacts(String(await way.run('replication', ask)))
}
