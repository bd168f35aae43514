import { encodeGets, opcodes, type Packet, statuses } from './binary-packet.ts'
import { refusal } from './binary-status.ts'
import { atEndOfTurn } from './clock.ts'
import { failed, type Place, ProtocolFault } from './connection-errors.ts'
import type { Item } from './driver.ts'
import type { MemjsClient } from './memjs-client.ts'
import type { MemjsServer } from './memjs-server.ts'

interface Waiting {
  readonly key: string
  resolve(item: Item | undefined): void
  reject(error: unknown): void
}

/** The most keys of one batch: the server works off a batch before it turns to its other clients. */
const maxKeys = 512

/**
 * Joins the gets of one turn of the event loop into one request: quiet gets, which are answered for hits alone, and a
 * NOOP whose reply ends them. One write, one read and one entry in memjs for all, which is what most of a get costs.
 *
 * Nothing in flight: written on the next tick, so that a lone get does not wait. Else collected until the turn ends.
 */
export class MemjsGetBatcher {
  readonly #client: MemjsClient
  readonly #server: MemjsServer
  readonly #place: Place
  #waiting: Waiting[] = []

  constructor(client: MemjsClient, server: MemjsServer, place: Place) {
    this.#client = client
    this.#server = server
    this.#place = place
  }

  get(key: string): Promise<Item | undefined> {
    return new Promise((resolve, reject) => {
      const size = this.#waiting.push({ key, resolve, reject })
      if (size === 1) {
        if (this.#server.unanswered === 0) process.nextTick(() => this.#flush())
        else atEndOfTurn(() => this.#flush())
      } else if (size === maxKeys) this.#flush()
    })
  }

  /** Asked at once, in as few batches as they need. */
  many(keys: readonly string[]): Promise<(Item | undefined)[]> {
    const asked: Promise<Item | undefined>[] = []
    for (let at = 0; at < keys.length; at += maxKeys) {
      const part = keys.slice(at, at + maxKeys)
      const waiting: Waiting[] = []
      for (const key of part) {
        asked.push(new Promise((resolve, reject) => waiting.push({ key, resolve, reject })))
      }
      this.#ask(waiting)
    }
    this.#server.flush()
    return Promise.all(asked)
  }

  #flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    this.#ask(waiting)
    this.#server.flush()
  }

  #ask(waiting: readonly Waiting[]): void {
    let next = 0
    const rejectRest = (error: unknown) => {
      while (next < waiting.length) waiting[next++]!.reject(error)
    }
    const onReply = (packet: Packet) => {
      if (packet.opcode === opcodes.noop) {
        // Whatever has not been told of is not there.
        while (next < waiting.length) waiting[next++]!.resolve(undefined)
        return
      }
      if (packet.opcode !== opcodes.getKeyQuietly) {
        throw new ProtocolFault('a reply came to another command than the gets')
      }
      if (packet.status !== statuses.ok) {
        rejectRest(failed(this.#place, 'get', refusal(packet.status)))
        return
      }
      // Hits come in the order in which they were asked for; those between them are misses.
      let at = next
      while (at < waiting.length && !packet.isAbout(waiting[at]!.key)) at++
      const hit = waiting[at]
      if (hit === undefined) {
        throw new ProtocolFault('a value came under a key that was not asked for')
      }
      while (next < at) waiting[next++]!.resolve(undefined)
      next++
      hit.resolve({ bytes: packet.ownValue(), flags: packet.flags, cas: packet.cas })
    }
    this.#client.many(
      (seq) =>
        encodeGets(
          waiting.map(({ key }) => key),
          seq,
        ),
      onReply,
      rejectRest,
    )
  }
}
