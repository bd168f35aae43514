import type { ClosedError, StoreError } from '@holdfast/core'
import { passwordNow } from '@holdfast/core/adapter'
import { type ResponseHandler, Server } from 'memjs'
import { opcodes, type Packet, statuses } from './binary-packet.ts'
import { createBinaryParser } from './binary-parser.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { ProtocolFault } from './connection-errors.ts'
import { Operation } from './connection-queue.ts'
import type { Protocol } from './link.ts'
import { binaryGreeting, type Credentials } from './sasl.ts'

export interface MemjsServerOptions extends ConnectionOptions {
  readonly credentials?: Credentials | undefined
  /** No reply may be longer. */
  readonly maxReplyBytes: number
}

/** What memjs registers for one sequence number before it writes the request. */
type Handler = ResponseHandler<Packet>

/** A request of memjs on its way over our connection. */
class MemjsOperation extends Operation<Packet> {
  readonly name: string
  readonly #request: Uint8Array
  readonly #seq: number
  readonly #onResponse: Handler
  readonly #onError: (error: Error) => void

  constructor(
    request: Uint8Array,
    seq: number,
    onResponse: Handler,
    onError: (error: Error) => void,
  ) {
    super()
    this.#request = request
    this.#seq = seq
    this.#onResponse = onResponse
    this.#onError = onError
    this.name = names[request[1]!] ?? 'command'
  }

  get requestBytes(): number {
    return this.#request.length
  }

  encode(): Uint8Array {
    return this.#request
  }

  take(packet: Packet): boolean {
    // Replies come in the order of the requests: another number says that one was lost, or is not ours.
    if (packet.opaque !== this.#seq)
      throw new ProtocolFault('a reply came that is none to its command')
    const isQuiet = this.#onResponse.quiet === true
    if (!isQuiet && packet.opcode !== this.#request[1]) {
      throw new ProtocolFault('a reply came to another command')
    }
    this.#onResponse(packet)
    if (!isQuiet || packet.totalBodyLength === 0) return true
    // Statistics that there are none of are refused with a text, and nothing follows.
    return packet.opcode === opcodes.stat && packet.status !== statuses.ok
  }

  fail(error: StoreError | ClosedError): void {
    this.#onError(error)
  }
}

const names: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(opcodes).map(([name, opcode]) => [opcode, name])),
  [opcodes.getKey]: 'get',
  [opcodes.getKeyQuietly]: 'get',
  [opcodes.addQuietly]: 'add',
  [opcodes.stat]: 'stats',
}

/**
 * memjs's server without its socket, buffer and timers, which are what goes wrong in memjs: whatever its client writes
 * goes over a connection of ours. Of the class it extends only the place in the client is left.
 */
export class MemjsServer extends Server {
  readonly #connection: Connection<Packet>
  #seq = 0
  #onResponse: Handler = () => {}
  #onError: (error: Error) => void = () => {}

  constructor(options: MemjsServerOptions) {
    // A user name in hand keeps memjs from looking for one in the environment.
    super(options.place.server, 0, 'none', 'none')
    this.username = undefined
    this.password = undefined
    this.#connection = new Connection(options, binaryProtocol(options))
  }

  /** Requests that are written and not answered yet. */
  get unanswered(): number {
    return this.#connection.unanswered
  }

  // memjs calls the next three in this order, without a break between them.
  override onResponse(seq: number, handle: ResponseHandler): void {
    this.#seq = seq
    // What our parser tells has all fields that memjs reads.
    this.#onResponse = handle as Handler
  }

  override onError(_seq: number, handle: (error: Error) => void): void {
    this.#onError = handle
  }

  override write(request: Uint8Array): void {
    this.#connection.send(new MemjsOperation(request, this.#seq, this.#onResponse, this.#onError))
  }

  /** Writes at once what `write` has taken, without waiting for neighbours. */
  flush(): void {
    this.#connection.flush()
  }

  override sock(): never {
    throw new Error('memjs has no socket here')
  }

  override close(): void {
    this.#connection.close()
  }
}

function binaryProtocol({
  credentials,
  clock,
  maxReplyBytes,
}: MemjsServerOptions): Protocol<Packet> {
  return {
    createParser: (tell) => createBinaryParser(tell, maxReplyBytes),
    async prepareGreeting(ending) {
      if (credentials === undefined) return binaryGreeting(undefined)
      const password = await passwordNow(credentials.password, clock, ending)
      return binaryGreeting({ username: credentials.username, password })
    },
  }
}
