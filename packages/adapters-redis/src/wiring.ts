import { backgroundClock } from '@holdfast/core/adapter'
import type { RedisStoreOptions } from './redis-options.ts'
import { maxLagMs } from './redis-options.ts'
import type { Refusals } from './refusals.ts'
import type { ReadServers, ReplicaOptions } from './replica-ways.ts'
import type { Servers } from './servers.ts'
import type { Subscriber } from './subscriber.ts'

/** What a store or a bus is made of: a way for commands, and a subscriber when one is asked for. */
export interface Wiring {
  readonly servers: Servers
  readonly refusals: Refusals
  subscriber(channel: string): Subscriber
  onPrimaryChange(listener: () => void): () => void
  /** Where reads may go to replicas: as `Store.changedElsewhere`, by name. */
  changedElsewhere?(names: readonly string[] | undefined): void
  close(): void
}

/** What every way to connect is told. */
export interface Common {
  readonly store: string
  readonly commandTimeoutMs: number
  readonly refusals: Refusals
}

export const replicaOptions = (
  options: RedisStoreOptions,
  { store, commandTimeoutMs }: Common,
): ReplicaOptions => ({
  ...{ store, commandTimeoutMs, clock: backgroundClock },
  maxLagMs: maxLagMs(options.maxLag ?? '1s'),
})

/** Reads by way of `reads`, and everything else as before. */
export function reading(wiring: Wiring, { servers, changedElsewhere }: ReadServers): Wiring {
  return {
    ...wiring,
    servers,
    changedElsewhere,
    close() {
      // The connections of replicas, and then all others.
      servers.close()
      wiring.close()
    },
  }
}
