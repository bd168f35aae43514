/** What one request came to. */
export interface Seen {
  /** 0 where the connection broke. */
  readonly status: number
  readonly body: unknown
  readonly retryAfter: string | null
  readonly tookMs: number
}

/** A browser: it keeps one cookie, and asks whichever process it is sent to. */
export class Visitor {
  readonly userId: string
  cookie = ''
  /** The last basket whose change was acknowledged. */
  basket = 0

  constructor(userId: string) {
    this.userId = userId
  }

  get sessionId(): string {
    return decodeURIComponent(this.cookie).split('=')[1]?.split('.')[0] ?? ''
  }

  async ask(port: number, method: string, path: string, body?: object): Promise<Seen> {
    const startedAt = performance.now()
    const seen = { status: 0, body: undefined, retryAfter: null }
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          'user-agent': 'a browser of the story',
          'content-type': 'application/json',
          ...(this.cookie === '' ? {} : { cookie: this.cookie }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
      const [cookie] = response.headers.getSetCookie()
      if (cookie !== undefined && response.ok) this.cookie = cookie.split(';')[0] ?? ''
      const text = await response.text()
      const { status } = response
      return {
        status,
        body: response.ok ? JSON.parse(text) : text,
        retryAfter: response.headers.get('retry-after'),
        tookMs: performance.now() - startedAt,
      }
    } catch {
      return { ...seen, tookMs: performance.now() - startedAt }
    }
  }
}
