import { randomFillSync } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { ClosedError } from '../errors.ts'
import type { Bus, BusState, Store } from '../store/store.ts'

/** Messages go over two servers, so that one of them may die unheard of. More would only multiply the traffic. */
const carriers = 2
const senderBytes = 12
const headBytes = senderBytes + 4
const rememberedSenders = 10_000

interface Carrier {
  readonly store: Store
  readonly bus: Bus
  state: BusState
  leave: () => void
}

/**
 * One handle on the channel of a sharded store: every message goes over the buses of two servers and is heard once.
 * Each is numbered by its sender; what is not newer than the last one heard of that sender is the second copy.
 * @param stores those of the servers, in an order that all processes share.
 * @param onChange tells when the servers change; its answer ends that.
 */
export function shardedBus(
  stores: () => readonly Store[],
  onChange: (listener: () => void) => () => void,
): Bus {
  const sender = randomFillSync(Buffer.alloc(senderBytes))
  const listeners = new Set<{ hear(message: Uint8Array): void; tell(state: BusState): void }>()
  const heard = new LRUCache<string, number>({ max: rememberedSenders })
  let current: Carrier[] = []
  let sent = 0
  let closed = false
  let isUp = false

  const settle = () => {
    const now = current.some(({ state }) => state === 'up')
    if (now === isUp) return
    isUp = now
    for (const { tell } of listeners) tell(now ? 'up' : 'down')
  }
  const receive = (message: Uint8Array) => {
    if (message.byteLength < headBytes) return
    const head = Buffer.from(message.buffer, message.byteOffset, headBytes)
    const from = head.toString('latin1', 0, senderBytes)
    const number = head.readUInt32BE(senderBytes)
    if (number <= (heard.get(from) ?? 0)) return
    heard.set(from, number)
    for (const { hear } of listeners) hear(message.slice(headBytes))
  }
  const listen = (carrier: Carrier) => {
    carrier.leave = carrier.bus.subscribe(receive, (state) => {
      carrier.state = state
      settle()
    })
  }
  const drop = (carrier: Carrier) => {
    carrier.leave()
    void carrier.bus.close().catch(() => {})
  }
  const choose = () => {
    const wanted = stores().slice(0, carriers)
    const before = current
    current = wanted.map(
      (store) =>
        before.find((carrier) => carrier.store === store) ?? {
          store,
          bus: store.bus!(),
          state: 'down',
          leave: () => {},
        },
    )
    for (const carrier of before) if (!current.includes(carrier)) drop(carrier)
    for (const carrier of current)
      if (!before.includes(carrier) && listeners.size > 0) listen(carrier)
    settle()
  }
  choose()
  const ignore = onChange(choose)

  return {
    async publish(message) {
      if (closed)
        throw new ClosedError('publish on the bus of a sharded store, which has been closed')
      const framed = Buffer.allocUnsafe(headBytes + message.byteLength)
      sender.copy(framed)
      framed.writeUInt32BE(++sent, senderBytes)
      framed.set(message, headBytes)
      const ways = await Promise.allSettled(current.map(({ bus }) => bus.publish(framed)))
      const failed = ways.find((way) => way.status === 'rejected')
      if (failed !== undefined && ways.every((way) => way.status === 'rejected'))
        throw failed.reason
    },
    subscribe(onMessage, onState) {
      if (closed)
        throw new ClosedError('subscribe on the bus of a sharded store, which has been closed')
      const listener = { hear: onMessage, tell: onState }
      listeners.add(listener)
      if (listeners.size === 1) for (const carrier of current) listen(carrier)
      else if (isUp) queueMicrotask(() => listeners.has(listener) && onState('up'))
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return
        for (const carrier of current) {
          carrier.leave()
          carrier.state = 'down'
        }
        isUp = false
      }
    },
    async close() {
      if (closed) return
      closed = true
      ignore()
      listeners.clear()
      for (const { leave } of current) leave()
      await Promise.all(current.map(({ bus }) => bus.close()))
    },
  }
}
