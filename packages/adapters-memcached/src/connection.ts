import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { Clock, TimerHandle } from '@holdfast/core'
import { DeadlineTimer, type TlsSetting, tlsNow, whenTurnEnds } from '@holdfast/core/adapter'
import {
  closedError,
  type Fault,
  failed,
  fault,
  faultOf,
  type Place,
  ProtocolFault,
  timedOut,
} from './connection-errors.ts'
import { ConnectionQueue, type Operation } from './connection-queue.ts'
import { type Greeting, Link, type Protocol } from './link.ts'
import type { SocketOptions } from './socket.ts'

export interface ConnectionOptions extends SocketOptions {
  readonly place: Place
  readonly tls?: TlsSetting | undefined
  /** Lets TLS pass that verifies nothing. Default false. */
  readonly insecure?: boolean
  readonly connectTimeoutMs: number
  /** How long an operation may take, the wait for a connection included. */
  readonly commandTimeoutMs: number
  /** The most operations that may be pending; more are refused as `overloaded`. Default 10,000. */
  readonly maxPending?: number
  /** The most bytes of requests that may be pending. Default 64 MiB. */
  readonly maxPendingBytes?: number
  readonly clock: Clock
}

const defaultMaxPending = 10_000
const defaultMaxPendingBytes = 64 * 1024 * 1024

/** Between tries to connect: this span, doubled with each failure up to the longest, times a random half to whole. */
const firstRetryMs = 100
const longestRetryMs = 2_000
/** A server that refuses a login is not asked more often than this, whatever is asked of us. */
const refusedRetryMs = 1_000

const joinBelowBytes = 16 * 1024

/**
 * The way to one server: one connection, opened at its first use and again after each loss, and the operations that
 * are written to it in their order and answered in their order.
 *
 * A connection that lost a reply, got bytes that make no sense, went silent, or was closed, is given up with all that
 * waits on it, and nothing of it survives. An operation waits for the connection within its own deadline; while the
 * last try to connect has failed it is refused at once. What was not written by its deadline never is.
 */
export class Connection<Reply> {
  readonly #options: ConnectionOptions
  readonly #protocol: Protocol<Reply>
  readonly #maxPending: number
  readonly #maxPendingBytes: number
  readonly #queue = new ConnectionQueue<Reply>()
  readonly #deadlines: DeadlineTimer
  readonly #ending = new AbortController()
  #link: Link<Reply> | undefined
  #isUp = false
  #isOpening = false
  #isClosed = false
  /** Why the last try to connect failed; until another succeeds, operations are refused. */
  #failure: Fault | undefined
  #failures = 0
  #wasAskedFor = false
  #retry: TimerHandle | undefined
  #hasFlushPlanned = false
  #hasAnswered = false
  #hasNewAnswer = false
  #answeredAt = 0
  /** Connections in a row that were lost before they answered any operation. */
  #barren = 0

  constructor(options: ConnectionOptions, protocol: Protocol<Reply>) {
    this.#options = options
    this.#protocol = protocol
    this.#maxPending = options.maxPending ?? defaultMaxPending
    this.#maxPendingBytes = options.maxPendingBytes ?? defaultMaxPendingBytes
    this.#deadlines = new DeadlineTimer(options.clock, (now) => this.#expire(now))
  }

  /** Operations that are written and not answered yet. */
  get unanswered(): number {
    return this.#queue.unanswered
  }

  /** Takes an operation on its way. It is written when this turn's callbacks have run, joined with its neighbours. */
  send(operation: Operation<Reply>): void {
    const { place, clock, commandTimeoutMs } = this.#options
    if (this.#isClosed) {
      operation.fail(closedError(place, operation.name))
      return
    }
    if (this.#failure !== undefined) {
      this.#wasAskedFor = true
      operation.fail(failed(place, operation.name, this.#failure))
      return
    }
    const queue = this.#queue
    if (
      queue.size >= this.#maxPending ||
      (queue.bytes + operation.requestBytes > this.#maxPendingBytes && queue.size > 0)
    ) {
      const pending = `${queue.size} operations with ${queue.bytes} bytes are pending already`
      operation.fail(failed(place, operation.name, fault('overloaded', pending)))
      return
    }
    const now = clock.monotonic()
    operation.dueAt = now + commandTimeoutMs
    queue.push(operation)
    this.#deadlines.watch(operation.dueAt, now)
    if (this.#isUp) this.#planFlush()
    else if (!this.#isOpening) this.#open()
  }

  /** Writes what waits to be written now, for a caller that has done the joining itself. */
  flush(): void {
    const link = this.#link
    if (link === undefined || !this.#isUp) return
    const requests: Uint8Array[] = []
    for (let next = this.#queue.nextUnsent(); next !== undefined; next = this.#queue.nextUnsent()) {
      requests.push(next.encode())
    }
    if (requests.length === 1) link.write(requests[0]!)
    else writeAll(link, requests)
  }

  /** Ends it, with all that is pending. */
  close(): void {
    this.#isClosed = true
    this.#ending.abort()
    this.#deadlines.stop()
    this.#options.clock.clearTimeout(this.#retry)
    this.#link?.drop(fault('closed', 'the store was closed'))
    for (const operation of this.#queue.takeAll()) {
      operation.fail(closedError(this.#options.place, operation.name))
    }
  }

  #planFlush(): void {
    if (this.#hasFlushPlanned) return
    this.#hasFlushPlanned = true
    const flush = () => {
      this.#hasFlushPlanned = false
      this.flush()
    }
    // A lone operation does not wait; behind others, whatever this turn still brings goes out with it.
    if (this.#queue.unanswered === 0) process.nextTick(flush)
    else whenTurnEnds(flush)
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    let tls: TlsOptions | undefined
    let greeting: Greeting<Reply> | undefined
    try {
      const { tls: setting, insecure = false, clock } = this.#options
      tls = await tlsNow(setting, insecure, clock, this.#ending.signal)
      greeting = await this.#protocol.prepareGreeting?.(this.#ending.signal)
    } catch (error) {
      this.#lost(faultOf(error))
      return
    }
    if (this.#isClosed) return
    const { connectTimeoutMs, clock } = this.#options
    const protocol = this.#protocol
    this.#link = new Link(
      { socket: this.#options, tls, protocol, greeting, connectTimeoutMs, clock },
      {
        up: () => this.#up(),
        reply: (reply) => this.#take(reply),
        read: () => {
          if (this.#hasNewAnswer) this.#answeredAt = clock.monotonic()
          this.#hasNewAnswer = false
        },
        lost: (why) => this.#lost(why),
      },
    )
  }

  #up(): void {
    this.#isOpening = false
    this.#isUp = true
    this.#failure = undefined
    this.#hasAnswered = false
    this.flush()
  }

  #take(reply: Reply): void {
    const operation = this.#queue.first
    if (operation === undefined) throw new ProtocolFault('a reply came that nothing was asked for')
    if (operation.take(reply)) this.#queue.shift()
    // One of several replies to an operation is a sign of life like any other.
    this.#hasAnswered = true
    this.#hasNewAnswer = true
    this.#failures = 0
    this.#barren = 0
  }

  #lost(why: Fault): void {
    const wasUp = this.#isUp
    this.#link = undefined
    this.#isUp = false
    this.#isOpening = false
    if (this.#isClosed) return
    const waiting = this.#queue.takeAll()
    if (wasUp && !this.#hasAnswered && waiting.length > 0) this.#barren++
    // One connection may be lost for any reason. Several that answered nothing are no better than none.
    if (!wasUp || this.#barren > 1) this.#retryLater(why)
    const { place } = this.#options
    for (const operation of waiting) operation.fail(failed(place, operation.name, why))
  }

  #retryLater(why: Fault): void {
    const { clock } = this.#options
    this.#failure = why
    this.#wasAskedFor = false
    const spanMs = Math.min(firstRetryMs * 2 ** Math.min(this.#failures++, 10), longestRetryMs)
    const delayMs = spanMs * (0.5 + clock.random() / 2)
    clock.clearTimeout(this.#retry)
    this.#retry = clock.setTimeout(
      () => {
        // Where nobody has asked since, nobody needs to know: the next operation opens, and waits.
        if (this.#wasAskedFor) this.#open()
        else this.#failure = undefined
      },
      why.kind === 'auth' ? Math.max(refusedRetryMs, delayMs) : delayMs,
    )
  }

  #expire(now: number): number | undefined {
    const { place, commandTimeoutMs } = this.#options
    let next = this.#queue.nextDue
    for (; next !== undefined && next.dueAt <= now; next = this.#queue.nextDue) {
      const wasSent = this.#queue.expireNext()
      // Whoever comes while this try to connect still lasts need not wait as long again.
      if (!this.#isUp) this.#failure ??= fault('timeout', 'the server cannot be reached')
      const option = wasSent ? 'commandTimeout' : 'connectTimeout'
      next.fail(timedOut(place, next.name, commandTimeoutMs, option))
    }
    if (this.#queue.first?.isOver !== true) return next?.dueAt
    // Replies that keep coming are only late, and each finds its own operation. Silence is the end of a connection.
    const silentAt = this.#answeredAt + commandTimeoutMs / 2
    if (silentAt > now) return next === undefined ? silentAt : Math.min(next.dueAt, silentAt)
    this.#link?.drop(fault('timeout', `the server has answered nothing in time`))
    return undefined
  }
}

/** Small requests are joined, since each write costs; a large one goes as it is, since copying it would cost more. */
function writeAll(link: Link<unknown>, requests: readonly Uint8Array[]): void {
  let small: Uint8Array[] = []
  const writeSmall = () => {
    if (small.length > 0) link.write(small.length === 1 ? small[0]! : Buffer.concat(small))
    small = []
  }
  for (const request of requests) {
    if (request.length < joinBelowBytes) small.push(request)
    else {
      writeSmall()
      link.write(request)
    }
  }
  writeSmall()
}
