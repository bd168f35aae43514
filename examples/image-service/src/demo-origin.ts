import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'

/** A server with pictures made on the spot, some of which no cache should ever keep. */
export interface DemoOrigin {
  readonly url: string
  /** While it is down, every request is a 503. */
  isDown: boolean
  readonly requests: number
  close(): Promise<void>
}

/** Its good pictures, and how each is made: a hue and a shape. */
export const pictures = ['dawn', 'noon', 'dusk', 'night', 'storm', 'snow'] as const
/** What else it sends, and why that is refused. */
export const badPictures = {
  'page.png': 'a page that is called a picture',
  'half.png': 'half of a picture',
  'huge.png': 'a header of 30,000 by 30,000 pixels',
  'missing.png': 'nothing',
  'inside.png': 'a redirect to the cloud metadata service',
} as const

const picture = (place: number, format: 'jpeg' | 'png' | 'webp') => {
  const hue = place * 60
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600">
    <defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl(${hue} 70% 72%)"/>
    <stop offset="1" stop-color="hsl(${hue + 50} 65% 34%)"/></linearGradient></defs>
    <rect width="800" height="600" fill="url(#g)"/>
    <circle cx="${140 + place * 100}" cy="190" r="70" fill="hsl(${hue + 30} 90% 88%)"/>
    <path d="M0 600 L${180 + place * 20} 330 L400 520 L${580 - place * 15} 290 L800 600Z" fill="hsl(${hue + 80} 40% 22%)"/>
  </svg>`
  return sharp(Buffer.from(svg))[format]().toBuffer()
}

export async function startDemoOrigin(): Promise<DemoOrigin> {
  const formats = ['jpeg', 'png', 'webp'] as const
  const good = new Map<string, Buffer>()
  for (const [place, name] of pictures.entries()) {
    good.set(`/${name}.jpg`, await picture(place, formats[place % 3]!))
  }
  const huge = Buffer.from(good.get('/noon.jpg')!)
  huge.writeUInt32BE(30_000, 16)
  huge.writeUInt32BE(30_000, 20)

  let requests = 0
  const origin = { isDown: false }
  const bad: Record<string, (response: ServerResponse) => void> = {
    '/page.png': (response) =>
      response.writeHead(200, { 'content-type': 'image/png' }).end('<script>'),
    '/half.png': (response) => {
      const whole = good.get('/noon.jpg')!
      response.writeHead(200, { 'content-length': whole.length })
      response.write(whole.subarray(0, whole.length / 2), () => response.destroy())
    },
    '/huge.png': (response) => response.writeHead(200).end(huge),
    '/inside.png': (response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
  }
  const server: Server = createServer((request, response) => {
    requests++
    const path = request.url ?? '/'
    const body = good.get(path)
    if (origin.isDown) return void response.writeHead(503, { 'retry-after': '3' }).end()
    if (bad[path] !== undefined) return bad[path](response)
    if (body === undefined) return void response.writeHead(404).end()
    const etag = `"${path.slice(1)}-1"`
    const headers = { etag, 'cache-control': 'max-age=20', 'content-length': body.length }
    if (request.headers['if-none-match'] === etag)
      return void response.writeHead(304, { etag }).end()
    response.writeHead(200, headers).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    get isDown() {
      return origin.isDown
    },
    set isDown(isDown) {
      origin.isDown = isDown
    },
    get requests() {
      return requests
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
