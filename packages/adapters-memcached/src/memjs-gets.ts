import { BinaryItem } from './binary-item.ts'
import { encodeGet, encodeGets, opcodes, type Packet, statuses } from './binary-packet.ts'
import { refusal } from './binary-status.ts'
import { failed, type Place, ProtocolFault } from './connection-errors.ts'
import type { GetAnswers, GetWire } from './get-batcher.ts'
import type { MemjsClient } from './memjs-client.ts'
import type { MemjsServer } from './memjs-server.ts'

/**
 * Gets by the binary protocol: quiet ones, which are answered for hits alone, and a NOOP whose reply ends them. One write,
 * one read and one entry in memjs for all.
 */
export class MemjsGets implements GetWire {
  readonly #client: MemjsClient
  readonly #server: MemjsServer
  readonly #place: Place

  constructor(client: MemjsClient, server: MemjsServer, place: Place) {
    this.#client = client
    this.#server = server
    this.#place = place
  }

  get unanswered(): number {
    return this.#server.unanswered
  }

  ask(_operation: string, keys: readonly string[], answers: GetAnswers): void {
    if (keys.length === 1) this.#askOne(keys[0]!, answers)
    else this.#askAll(keys, answers)
  }

  flush(): void {
    this.#server.flush()
  }

  #askOne(key: string, answers: GetAnswers): void {
    const onReply = (packet: Packet) => {
      if (packet.status === statuses.missing) answers.found(0, undefined)
      else if (packet.status !== statuses.ok) answers.fail(0, 1, this.#refused(packet))
      else if (packet.isAbout(key)) answers.found(0, new BinaryItem(packet))
      else throw wrongKey()
    }
    this.#client.one(
      (seq) => encodeGet(key, seq),
      onReply,
      (error) => answers.fail(0, 1, error),
    )
  }

  #askAll(keys: readonly string[], answers: GetAnswers): void {
    let next = 0
    const misses = (until: number) => {
      while (next < until) answers.found(next++, undefined)
    }
    let hasFailed = false
    const failRest = (error: Error) => {
      hasFailed = true
      answers.fail(next, keys.length, error)
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
