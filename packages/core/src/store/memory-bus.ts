import { ClosedError } from '../errors.ts'
import type { Bus, BusState } from './store.ts'

/** The medium of buses inside one process: everything published on one handle reaches the subscribers of all. */
export type MemoryBusHub = Set<(message: Uint8Array) => void>

/** A bus inside one process: for tests in which several caches stand for several processes. It is never down. */
export function memoryBus(hub: MemoryBusHub = new Set()): Bus {
  const own = new Set<(message: Uint8Array) => void>()
  let closed = false

  const check = (operation: string) => {
    if (closed) throw new ClosedError(`${operation} on a memory bus that has been closed`)
  }

  return {
    async publish(message) {
      check('publish')
      for (const receive of hub) receive(new Uint8Array(message))
    },
    subscribe(onMessage: (message: Uint8Array) => void, onState: (state: BusState) => void) {
      check('subscribe')
      // A microtask away, as from a socket: a publisher is never inside a subscriber's call.
      const soon = (tell: () => void) =>
        queueMicrotask(() => {
          if (own.has(receive)) tell()
        })
      const receive = (message: Uint8Array) => soon(() => onMessage(message))
      own.add(receive)
      hub.add(receive)
      soon(() => onState('up'))
      return () => {
        own.delete(receive)
        hub.delete(receive)
      }
    },
    async close() {
      closed = true
      for (const receive of own) hub.delete(receive)
      own.clear()
    },
  }
}
