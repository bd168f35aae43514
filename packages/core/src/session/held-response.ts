import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { LiveSession } from './live-session.ts'
import { refusalOf } from './refusal.ts'
import { checkChunk, checkHead, type GivenHeaders, headerPairs } from './response-checks.ts'
import type { SessionDesk } from './session-desk.ts'
import { SessionError } from './session-error.ts'

type Step = () => void

/**
 * The door between a handler and the wire. What the handler says with `writeHead` is noted; its first `write`, `end`
 * or `flushHeaders` opens the door, and where the session has to be stored first, everything waits until the store
 * has acknowledged it. So a response never tells of a login, a logout or a change that was not kept, and a refused
 * write can still become a 503. A request that changed nothing passes at once, in the same turn.
 *
 * What changes after that is stored before the response ends; if that fails the connection is cut, so that the client
 * does not take the response for complete.
 */
export class HeldResponse {
  readonly #response: ServerResponse
  readonly #session: LiveSession
  readonly #desk: SessionDesk
  readonly #write: ServerResponse['write']
  readonly #end: ServerResponse['end']
  readonly #writeHead: ServerResponse['writeHead']
  readonly #flushHeaders: ServerResponse['flushHeaders']
  #state: 'open' | 'held' | 'passed' = 'open'
  #head:
    | {
        readonly status: number
        readonly reason: string | undefined
        readonly headers: GivenHeaders | undefined
      }
    | undefined
  /** What the handler did meanwhile, in its order. */
  #steps: Step[] = []
  #hasEnded = false
  /** Somebody was told to wait until there is room. */
  #hasWaiter = false

  constructor(response: ServerResponse, session: LiveSession, desk: SessionDesk) {
    this.#response = response
    this.#session = session
    this.#desk = desk
    this.#write = response.write
    this.#end = response.end
    this.#writeHead = response.writeHead
    this.#flushHeaders = response.flushHeaders
    response.writeHead = this.#onWriteHead.bind(this) as ServerResponse['writeHead']
    response.write = this.#onWrite.bind(this) as ServerResponse['write']
    response.end = this.#onEnd.bind(this) as ServerResponse['end']
    response.flushHeaders = () => {
      this.#pass(() => this.#flushHeaders.call(response))
    }
  }

  #onWriteHead(
    status: number,
    reason?: string | GivenHeaders,
    headers?: GivenHeaders,
  ): ServerResponse {
    const response = this.#response
    if (this.#state === 'passed') {
      return this.#writeHead.apply(response, [status, reason, headers] as never)
    }
    // Said twice: by a handler, and by something around it that looks for headers which are only noted.
    if (this.#head !== undefined) return response
    const [text, given] =
      typeof reason === 'string' ? [reason, headers] : [undefined, reason ?? headers]
    checkHead(status, text, given)
    response.statusCode = status
    if (text !== undefined) response.statusMessage = text
    this.#head = { status, reason: text, headers: given }
    this.#pretend('headersSent')
    return response
  }

  #onWrite(...args: unknown[]): boolean {
    const response = this.#response
    if (this.#state === 'passed') return this.#write.apply(response, args as never)
    checkChunk(args[0], args[1])
    let hasRoom = false
    this.#pass(() => {
      hasRoom = this.#write.apply(response, args as never)
    })
    if ((this.#state as string) === 'held') this.#hasWaiter = true
    return hasRoom
  }

  #onEnd(...args: unknown[]): ServerResponse {
    const response = this.#response
    if (this.#hasEnded) return response
    if (this.#state === 'passed') {
      if (!this.#isUnsettled()) return this.#end.apply(response, args as never)
      this.#hasEnded = true
      void this.#endLate(args)
      return response
    }
    if (args[0] && typeof args[0] !== 'function') checkChunk(args[0], args[1])
    this.#hasEnded = true
    this.#pass(() => this.#end.apply(response, args as never))
    if ((this.#state as string) === 'held') this.#pretend('writableEnded')
    return response
  }

  #pass(step: Step): void {
    this.#steps.push(step)
    if (this.#state !== 'open') return
    if (!this.#isUnsettled()) {
      this.#open()
      return
    }
    this.#state = 'held'
    this.#pretend('headersSent')
    this.#settle()
      .then(
        () => this.#open(),
        (error: unknown) => this.#refuse(error),
      )
      // The handler has gone on long ago: nobody is there to catch it.
      .catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    if (this.#response.headersSent) {
      this.#desk.failed(error)
      this.#response.destroy()
    } else this.#refuse(error)
  }

  /** Also what the handler changes while the session is being stored. */
  async #settle(): Promise<void> {
    do await this.#session.settle()
    while (this.#session.hasChanged)
  }

  /** What cannot be stored is unsettled, too, and says so when it is to be. */
  #isUnsettled(): boolean {
    try {
      return this.#session.isUnsettled
    } catch {
      return true
    }
  }

  #open(): void {
    const response = this.#response
    this.#state = 'passed'
    this.#stopPretending()
    const steps = this.#steps
    this.#steps = []
    // The client has left, or somebody else has answered: what was noted has nowhere to go.
    if (response.destroyed) return
    const before = response.getHeader('set-cookie')
    const wasUnsent = !response.headersSent
    try {
      this.#sendHead()
      for (const step of steps) step()
      if (wasUnsent) this.#session.noteCookie()
      this.#session.tellUse()
    } catch (error) {
      // The one who is to answer for it, an error handler of the application, begins anew.
      if (!response.headersSent) this.#reopen(before)
      throw error
    }
    // Where the socket is full now, its own 'drain' wakes them.
    if (this.#hasWaiter && !this.#hasEnded && !response.writableNeedDrain) response.emit('drain')
  }

  #reopen(setCookie: OutgoingHttpHeader | undefined): void {
    this.#state = 'open'
    this.#head = undefined
    this.#hasEnded = false
    if (setCookie === undefined) this.#response.removeHeader('set-cookie')
    else this.#response.setHeader('set-cookie', setCookie as string)
  }

  #sendHead(): void {
    const response = this.#response
    if (response.headersSent) {
      if (this.#session.owesCookie) this.#desk.warnOfUnsentCookie()
      return
    }
    const { cookie } = this.#session
    if (cookie !== undefined) this.#addCookie(cookie)
    if (this.#head === undefined) return
    const { status, reason, headers } = this.#head
    this.#writeHead.apply(
      response,
      (reason === undefined ? [status, headers] : [status, reason, headers]) as never,
    )
  }

  /** Beside the cookies of the handler, wherever it has put them. */
  #addCookie(cookie: string): void {
    const response = this.#response
    const head = this.#head
    const given = head?.headers
    if (head !== undefined && given !== undefined) {
      for (const [name, value] of headerPairs(given)) {
        if (value === undefined) continue
        // What comes with writeHead takes the place of what was set before; its own repetitions stand side by side.
        if (Array.isArray(given)) response.removeHeader(name)
      }
      for (const [name, value] of headerPairs(given)) {
        if (value === undefined) continue
        if (Array.isArray(given)) response.appendHeader(name, value as string)
        else response.setHeader(name, value as string)
      }
      this.#head = { status: head.status, reason: head.reason, headers: undefined }
    }
    response.appendHeader('Set-Cookie', cookie)
  }

  #refuse(error: unknown): void {
    const response = this.#response
    if (!(error instanceof SessionError)) this.#desk.failed(error)
    this.#state = 'passed'
    this.#stopPretending()
    this.#steps = []
    this.#hasEnded = true
    if (response.destroyed) return
    const refusal = refusalOf(error)
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    response.statusMessage = ''
    this.#writeHead.apply(response, [refusal.status, refusal.headers] as never)
    this.#end.apply(response, [refusal.body] as never)
    // Whoever still writes is told that nobody reads.
    response.write = () => true
  }

  async #endLate(args: unknown[]): Promise<void> {
    const response = this.#response
    try {
      await this.#settle()
    } catch (error) {
      if (!(error instanceof SessionError)) this.#desk.failed(error)
      response.destroy()
      return
    }
    if (this.#session.owesCookie) this.#desk.warnOfUnsentCookie()
    this.#end.apply(response, args as never)
  }

  /** For whoever asks the response how far it is. */
  #pretend(property: 'headersSent' | 'writableEnded'): void {
    Object.defineProperty(this.#response, property, { value: true, configurable: true })
  }

  #stopPretending(): void {
    const response = this.#response as Partial<ServerResponse>
    delete (response as { headersSent?: boolean }).headersSent
    delete (response as { writableEnded?: boolean }).writableEnded
  }
}
