import { BinaryItem } from './binary-item.ts'
import { encodeGet, encodeGets, opcodes, type Packet, statuses } from './binary-packet.ts'
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

/** Where the answers to one batch go, each once and in the order of the keys, until one `fail` ends them. */
interface Answers {
  found(index: number, item: Item | undefined): void
  /** For all from `index` on. */
  fail(index: number, error: unknown): void
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

  /** Asked at once, in as few batches as they need: whoever asks for many has done the joining. */
  many(keys: readonly string[]): Promise<(Item | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const items = new Array<Item | undefined>(keys.length)
      let open = keys.length
      for (let from = 0; from < keys.length; from += maxKeys) {
        this.#ask(keys.slice(from, from + maxKeys), {
          found(index, item) {
            items[from + index] = item
            if (--open === 0) resolve(items)
          },
          fail: (_, error) => reject(error),
        })
      }
      this.#server.flush()
    })
  }

  #flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    const keys: string[] = []
    for (const { key } of waiting) keys.push(key)
    this.#ask(keys, {
      found: (index, item) => waiting[index]!.resolve(item),
      fail(from, error) {
        for (let index = from; index < waiting.length; index++) waiting[index]!.reject(error)
      },
    })
    this.#server.flush()
  }

  #ask(keys: readonly string[], answers: Answers): void {
    if (keys.length === 1) this.#askOne(keys[0]!, answers)
    else this.#askAll(keys, answers)
  }

  #askOne(key: string, answers: Answers): void {
    const onReply = (packet: Packet) => {
      if (packet.status === statuses.missing) answers.found(0, undefined)
      else if (packet.status !== statuses.ok) answers.fail(0, this.#refused(packet))
      else if (packet.isAbout(key)) answers.found(0, new BinaryItem(packet))
      else throw wrongKey()
    }
    this.#client.one(
      (seq) => encodeGet(key, seq),
      onReply,
      (error) => answers.fail(0, error),
    )
  }

  #askAll(keys: readonly string[], answers: Answers): void {
    let next = 0
    const misses = (until: number) => {
      while (next < until) answers.found(next++, undefined)
    }
    let hasFailed = false
    const failRest = (error: unknown) => {
      hasFailed = true
      answers.fail(next, error)
    }
    const onReply = (packet: Packet) => {
      // What comes after the deadline, or after a refusal, has nobody to go to.
      if (hasFailed) return
      if (packet.opcode === opcodes.noop) {
        misses(keys.length)
        return
      }
      if (packet.opcode !== opcodes.getKeyQuietly) {
        throw new ProtocolFault('a reply came to another command than the gets')
      }
      if (packet.status !== statuses.ok) {
        failRest(this.#refused(packet))
        return
      }
      // Hits come in the order in which they were asked for; those between them are misses.
      let at = next
      while (at < keys.length && !packet.isAbout(keys[at]!)) at++
      if (at === keys.length) throw wrongKey()
      misses(at)
      next++
      answers.found(at, new BinaryItem(packet))
    }
    this.#client.many((seq) => encodeGets(keys, seq), onReply, failRest)
  }

  #refused(packet: Packet) {
    return failed(this.#place, 'get', refusal(packet.status))
  }
}

const wrongKey = () => new ProtocolFault('a value came under a key that was not asked for')
