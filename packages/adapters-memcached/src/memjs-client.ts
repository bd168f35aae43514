import { Client, type ResponseHandler } from 'memjs'
import type { Packet } from './binary-packet.ts'
import type { MemjsServer } from './memjs-server.ts'

/** What it has to say is in the errors already. */
const silent = { log: () => {} }

/** memjs's client for one server. Which of several servers a key belongs to is decided elsewhere. */
export class MemjsClient extends Client<MemjsServer> {
  readonly #server: MemjsServer

  /** `firstSeq`: the sequence number that the first command comes after. */
  constructor(server: MemjsServer, firstSeq: number) {
    // `retries` counts tries. A second one, of a command that may have been done already, is not ours to make.
    super([server], { retries: 1, failover: false, logger: silent })
    this.#server = server
    this.seq = firstSeq >>> 0
  }

  /** memjs's own turns negative after 2^31 commands, and from then on every command throws. */
  override incrSeq(): void {
    this.seq = (this.seq + 1) >>> 0
  }

  /** One command with one reply. `onReply` runs while the reply is there to be read. */
  one(
    encode: (seq: number) => Uint8Array,
    onReply: (packet: Packet) => void,
    onError: (error: Error) => void,
  ): void {
    this.incrSeq()
    this.perform('', encode(this.seq), this.seq, (error, response) => {
      if (error === null) onReply(response as unknown as Packet)
      else onError(error)
    })
  }

  /** Commands with any number of replies, the last of them without a body, as memjs does it for `stats`. */
  many(
    encode: (seq: number) => Uint8Array,
    onReply: (packet: Packet) => void,
    onError: (error: Error) => void,
  ): void {
    this.incrSeq()
    const handle = ((response) => onReply(response as unknown as Packet)) as ResponseHandler
    handle.quiet = true
    this.#server.onResponse(this.seq, handle)
    this.#server.onError(this.seq, onError)
    this.#server.write(encode(this.seq))
  }
}
