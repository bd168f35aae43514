import { type Cache, type EventInvalidation, invalidateOnEvents } from '@holdfast/core'
import { redisBus } from '@holdfast/redis'
import { type Addresses, channel } from './addresses.ts'

/**
 * What ties the halves together: the owner of some data publishes `{ "v": 1, "keys": […], "tags": […] }` in Redis, and
 * the answers it names are gone from Memcached. An event that nobody hears, in a failover, is made good by the `ttl`.
 */
export function listen(
  answers: Cache,
  { sentinels, primaryName }: Addresses,
): {
  events: EventInvalidation
  close(): Promise<void>
} {
  const bus = redisBus({ sentinels: [...sentinels], name: primaryName }, { channel })
  const events = invalidateOnEvents(answers, bus)
  return {
    events,
    async close() {
      await events.close()
      await bus.close()
    },
  }
}
