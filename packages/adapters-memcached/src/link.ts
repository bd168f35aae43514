import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '@holdfast/core'
import { DeadlineTimer } from '@holdfast/core/adapter'
import { type Fault, fault, faultOf, ProtocolFault } from './connection-errors.ts'
import type { Operation } from './connection-queue.ts'
import { openSocket, type SocketOptions } from './socket.ts'

/** What a protocol adds to a connection. */
export interface Protocol<Reply> {
  /**
   * A parser for one connection: takes the bytes as they come, tells each reply once it is whole, and throws
   * `ProtocolFault` at bytes that the protocol does not know. What is in `chunk` is valid for this call only, and what
   * a reply hands out of it has to be copied.
   */
  createParser(tell: (reply: Reply) => void): (chunk: Buffer) => void
  /**
   * Gets together, before each connect, what the greeting needs: a password, for example. `ending` is aborted when
   * there will be no connect.
   */
  prepareGreeting?(ending: AbortSignal): Promise<Greeting<Reply>>
}

/**
 * What is said first on a new connection: each `exchange` writes one operation and waits for its reply. Only when all
 * of it has resolved may commands go out. It rejects with a `FaultError` where the server refuses.
 */
export type Greeting<Reply> = (exchange: (operation: Operation<Reply>) => void) => Promise<void>

export interface LinkOptions<Reply> {
  readonly socket: SocketOptions
  readonly tls: ConnectionOptions | undefined
  readonly protocol: Protocol<Reply>
  readonly greeting: Greeting<Reply> | undefined
  /** For all of it: the name, the connection, TLS and the greeting. */
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/** Whoever uses a link, and is told what becomes of it. */
export interface LinkOwner<Reply> {
  /** Commands may go out. */
  up(): void
  /** A reply has come. May throw `ProtocolFault`. */
  reply(reply: Reply): void
  /** What has come at once has been read. */
  read(): void
  /** It is gone. Told once; nothing is told after it. */
  lost(why: Fault): void
}

/**
 * One connection from its beginning to its end. Parser and buffers are its own, so nothing that a dead connection
 * left over can be taken for a reply on the next one.
 */
export class Link<Reply> {
  readonly #owner: LinkOwner<Reply>
  readonly #timer: DeadlineTimer
  #socket: Socket | undefined
  #greeted: Operation<Reply> | undefined
  #isGreeting = true
  #isDead = false

  constructor(options: LinkOptions<Reply>, owner: LinkOwner<Reply>) {
    this.#owner = owner
    const { clock, connectTimeoutMs } = options
    const parse = options.protocol.createParser((reply) => this.#tell(reply))
    this.#timer = new DeadlineTimer(clock, () => {
      this.drop(fault('timeout', `no connection within ${connectTimeoutMs} ms; see connectTimeout`))
      return undefined
    })
    const now = clock.monotonic()
    this.#timer.watch(now + connectTimeoutMs, now)
    const read = (chunk: Buffer) => {
      if (this.#isDead) return
      try {
        parse(chunk)
      } catch (error) {
        this.drop(faultOf(error))
        return
      }
      if (!this.#isGreeting) this.#owner.read()
    }
    const greet = () => this.#greet(options.greeting)
    try {
      this.#socket = openSocket(options.socket, options.tls, greet, read)
    } catch (error) {
      queueMicrotask(() => this.drop(faultOf(error)))
      return
    }
    this.#socket.on('error', (error) => this.#broke(faultOf(error)))
    const ended = () => this.#broke(fault('unavailable', 'the server closed the connection'))
    this.#socket.on('end', ended)
    this.#socket.on('close', ended)
  }

  write(bytes: Uint8Array): void {
    this.#socket?.write(bytes)
  }

  /** Gives it up, at once and for good. */
  drop(why: Fault): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#timer.stop()
    // An `error` may still come out of a socket that was destroyed; its listener stays.
    this.#socket?.destroy()
    this.#owner.lost(why)
  }

  #broke(why: Fault): void {
    const { kind, reason, cause } = why
    // Nothing but the greeting was said, and this is all that came back.
    const isRefusal = this.#greeted !== undefined && kind === 'unavailable'
    this.drop(isRefusal ? fault(kind, `${reason} before it answered; ${doubts}`, cause) : why)
  }

  #greet(greeting: Greeting<Reply> | undefined): void {
    if (this.#isDead) return
    if (greeting === undefined) {
      this.#isUp()
      return
    }
    const exchange = (operation: Operation<Reply>) => {
      if (this.#isDead) return
      this.#greeted = operation
      this.write(operation.encode())
    }
    greeting(exchange).then(
      () => this.#isUp(),
      (error: unknown) => this.drop(faultOf(error)),
    )
  }

  #isUp(): void {
    if (this.#isDead) return
    this.#isGreeting = false
    this.#timer.stop()
    this.#owner.up()
  }

  #tell(reply: Reply): void {
    if (this.#isDead) return
    if (!this.#isGreeting) {
      this.#owner.reply(reply)
      return
    }
    const operation = this.#greeted
    if (operation === undefined) throw new ProtocolFault('a reply came that nothing was asked for')
    if (operation.take(reply)) this.#greeted = undefined
  }
}

/** Why servers hang up on a greeting. */
const doubts = 'does it want TLS (see tls), or another protocol (see protocol)?'
