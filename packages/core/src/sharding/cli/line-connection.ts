import { connect, type Socket } from 'node:net'
import type { Clock } from '../../clock.ts'
import { type Address, addressText } from './addresses.ts'
import { CliError, exitCodes } from './cli-error.ts'

/**
 * A connection that sends one command at a time and reads its answer by lines and by counted bytes: all that
 * `verify` needs of memcached's text protocol and of RESP.
 */
export class LineConnection {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #name: string
  #received = Buffer.alloc(0)
  #problem: Error | undefined
  #wake: (() => void) | undefined

  private constructor(socket: Socket, name: string, clock: Clock, timeoutMs: number) {
    this.#socket = socket
    this.#name = name
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake?.()
    })
    socket.on('error', (error) => {
      this.#problem = error
      this.#wake?.()
    })
    socket.on('close', () => {
      this.#problem ??= new Error('the connection was closed')
      this.#wake?.()
    })
  }

  /** @throws CliError if nobody answers in time. */
  static async open(address: Address, clock: Clock, timeoutMs: number): Promise<LineConnection> {
    const socket = 'path' in address ? connect(address.path) : connect(address.port, address.host)
    socket.setNoDelay(true)
    const connection = new LineConnection(socket, addressText(address), clock, timeoutMs)
    let connected = false
    socket.once('connect', () => {
      connected = true
      connection.#wake?.()
    })
    await connection.#until(() => connected)
    return connection
  }

  send(...parts: readonly (string | Uint8Array)[]): void {
    for (const part of parts) this.#socket.write(part)
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    let end = -1
    await this.#until(() => {
      end = this.#received.indexOf('\r\n')
      return end >= 0
    })
    const line = this.#received.toString('utf8', 0, end)
    this.#received = this.#received.subarray(end + 2)
    return line
  }

  /** So many bytes, and the line end after them. */
  async bytes(count: number): Promise<string> {
    await this.#until(() => this.#received.length >= count + 2)
    const text = this.#received.toString('utf8', 0, count)
    this.#received = this.#received.subarray(count + 2)
    return text
  }

  /** All until the other side closes. */
  async rest(): Promise<string> {
    await this.#until(() => this.#problem !== undefined).catch(() => {})
    return this.#received.toString('utf8')
  }

  close(): void {
    this.#socket.destroy()
  }

  async #until(done: () => boolean): Promise<void> {
    let timedOut = false
    const timer = this.#clock.setTimeout(() => {
      timedOut = true
      this.#wake?.()
    }, this.#timeoutMs)
    try {
      while (!done()) {
        const problem = timedOut ? new Error(`no answer in ${this.#timeoutMs} ms`) : this.#problem
        if (problem !== undefined) {
          this.close()
          const message = `${this.#name} does not answer: ${problem.message}`
          throw new CliError(message, exitCodes.unreachable, problem)
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      this.#clock.clearTimeout(timer)
      this.#wake = undefined
    }
  }
}
