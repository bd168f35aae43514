import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type Cache, type CacheOptions, createCache } from '@holdfast/core'
import { type FakeClock, fakeClock } from '@holdfast/core/testing'
import { createImageCache } from '../../src/image-cache/image-cache.ts'
import type { ImageCacheOptions } from '../../src/image-cache/image-options.ts'
import { withNetwork } from '../../src/testing/index.ts'
import { png } from './pictures.ts'

export interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
  /** Waits for it before it answers. */
  readonly after?: Promise<unknown>
  /** Ends the connection instead. */
  readonly destroys?: boolean
}

/** A server that stands for every origin: what it was asked, and what it answers. */
export class Origin {
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers'] }[] = []
  readonly dials: string[] = []
  answer: (request: IncomingMessage) => Answer = () => ({ body: png(2, 3) })
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  #port = 0

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get hits(): number {
    return this.requests.length
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers, url = '' } = request
    this.requests.push({ method, headers, url: `http://${headers.host}${url}` })
    const { status = 200, headers: fields = {}, body, after, destroys } = this.answer(request)
    await after
    if (destroys) {
      request.socket.destroy()
      return
    }
    const bytes = body ?? Buffer.alloc(0)
    const length = status === 304 ? {} : { 'content-length': String(bytes.length) }
    response.sendDate = false
    response.writeHead(status, { ...length, ...fields })
    response.end(bytes)
  }

  network(clock: FakeClock) {
    return {
      clock,
      lookup: async () => [{ address: '93.184.216.34', family: 4 }],
      dial: ({ address, port }: { address: string; port: number }) => {
        this.dials.push(`${address}:${port}`)
        return connect(this.#port, '127.0.0.1')
      },
    }
  }
}

/** An image cache over an origin of its own, in time of its own. */
export async function setup(
  options: Partial<ImageCacheOptions> = {},
  cacheOptions: CacheOptions = {},
) {
  const origin = new Origin()
  await origin.start()
  const clock = fakeClock({ now: Date.UTC(2026, 0, 1) })
  const cache = createCache({ clock, ...cacheOptions })
  const open = (over: Cache, more: Partial<ImageCacheOptions> = {}) =>
    createImageCache(
      withNetwork(
        {
          cache: over,
          origins: ['http://img.example.com', 'http://other.example.com'],
          network: { schemes: ['http'] },
          ...options,
          ...more,
        },
        origin.network(clock),
      ),
    )
  const images = open(cache)
  return {
    origin,
    clock,
    cache,
    images,
    open,
    /** Waits while time goes by: retries of a download wait in the clock's time. */
    async passing<T>(work: Promise<T>): Promise<T> {
      let isDone = false
      const done = () => {
        isDone = true
      }
      work.then(done, done)
      while (!isDone) await clock.advance('100ms')
      return work
    },
    async close() {
      await images.close()
      await cache.close()
      await origin.stop()
    },
  }
}

export const url = 'http://img.example.com/a.png'
