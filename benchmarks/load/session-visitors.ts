import { connect, type Socket } from 'node:net'

/**
 * A browser with one connection that stays open. Nothing but what is measured should cost: requests are written as
 * text, and of a response only its length, its status and its cookie are looked at.
 */
export class Visitor {
  readonly #socket: Socket
  #received = ''
  #resolve: ((head: string) => void) | undefined
  #reject: ((error: Error) => void) | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk: string) => this.#take(chunk))
    this.#socket.on('error', (error) => this.#reject?.(error))
    this.#socket.on('close', () => this.#reject?.(new Error('the connection was closed')))
  }

  /** The head of the response. */
  get(path: string, cookie: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: shop\r\nCookie: ${cookie}\r\n\r\n`)
    })
  }

  #take(chunk: string): void {
    this.#received += chunk
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < end + 4 + length) return
    this.#received = this.#received.slice(end + 4 + length)
    const resolve = this.#resolve
    this.#resolve = undefined
    this.#reject = undefined
    resolve?.(head)
  }

  end(): void {
    this.#socket.destroy()
  }
}

export const isOk = (head: string) => head.startsWith('HTTP/1.1 200')

/** So many sessions, and the cookies that name them. */
export async function startSessions(port: number, count: number): Promise<string[]> {
  const visitor = new Visitor(port)
  const cookies: string[] = []
  for (let index = 0; index < count; index++) {
    const head = await visitor.get('/start', 'none=0')
    const cookie = /^set-cookie: ([^;\r]+)/im.exec(head)?.[1]
    if (!isOk(head) || cookie === undefined) throw new Error(`no session was begun: ${head}`)
    cookies.push(cookie)
  }
  visitor.end()
  return cookies
}

/** As many requests as `visitors` that wait for their answers can make; how many, and how long it took. */
export async function closedLoop(
  port: number,
  path: string,
  cookies: readonly string[],
  visitors: number,
  forMs: number,
): Promise<{ readonly requests: number; readonly tookMs: number }> {
  let requests = 0
  const all = Array.from({ length: visitors }, () => new Visitor(port))
  const since = performance.now()
  await Promise.all(
    all.map(async (visitor, lane) => {
      for (let at = lane; performance.now() - since < forMs; at += visitors) {
        if (!isOk(await visitor.get(path, cookies[at % cookies.length]!)))
          throw new Error(`${path} was not answered`)
        requests++
      }
    }),
  )
  const tookMs = performance.now() - since
  for (const visitor of all) visitor.end()
  return { requests, tookMs }
}

/**
 * Requests that come when they come, whatever became of the ones before; how long each took from when it was due, in
 * milliseconds, in order.
 */
export async function openLoop(
  port: number,
  path: string,
  cookies: readonly string[],
  perSecond: number,
  forMs: number,
): Promise<number[]> {
  const idle: Visitor[] = []
  const all: Visitor[] = []
  const times: number[] = []
  const running: Promise<void>[] = []
  const since = performance.now()
  for (let count = 0; (count * 1_000) / perSecond < forMs; ) {
    const dueMs = (count * 1_000) / perSecond
    if (performance.now() - since < dueMs) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      continue
    }
    let visitor = idle.pop()
    if (visitor === undefined) {
      visitor = new Visitor(port)
      all.push(visitor)
    }
    const one = visitor
    running.push(
      one.get(path, cookies[count % cookies.length]!).then((head) => {
        if (!isOk(head)) throw new Error(`${path} was not answered`)
        times.push(performance.now() - since - dueMs)
        idle.push(one)
      }),
    )
    count++
  }
  await Promise.all(running)
  for (const visitor of all) visitor.end()
  return times.sort((a, b) => a - b)
}
