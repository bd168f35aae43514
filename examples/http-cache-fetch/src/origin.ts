import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A small API on a free port of this machine. It counts what it is asked, and may be told to fail. */
export interface Origin {
  readonly url: string
  readonly asked: string[]
  isDown: boolean
  close(): Promise<void>
}

/** `now` is the origin's own time, in Unix milliseconds. */
export async function startOrigin(now: () => number): Promise<Origin> {
  let price = 100
  const server = createServer((request, response) => {
    origin.asked.push(`${request.method} ${request.url}`)
    if (origin.isDown) {
      request.socket.destroy()
      return
    }
    if (request.method === 'POST') {
      price += 1
      response.writeHead(204).end()
      return
    }
    const language = request.headers['accept-language']
    const tag = `"${price}-${language}"`
    response.setHeader('date', new Date(now()).toUTCString())
    response.setHeader('cache-control', 'max-age=2')
    response.setHeader('etag', tag)
    response.setHeader('vary', 'accept-language')
    if (request.headers['if-none-match'] === tag) response.writeHead(304).end()
    else response.end(language === 'de' ? `Preis: ${price}` : `price: ${price}`)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const origin: Origin = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    isDown: false,
    close() {
      server.closeAllConnections()
      return new Promise((closed) => server.close(() => closed()))
    },
  }
  return origin
}
