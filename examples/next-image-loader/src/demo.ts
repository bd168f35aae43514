import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCache } from '@holdfast/core'
import imageLoader from './image-loader.ts'
import { imageRoute } from './image-route.ts'

/** The smallest PNG there is: one grey pixel. */
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
  'base64',
)

/** What a browser does with the `srcset` that Next.js writes: asks for one width after the other. */
export async function demo(
  say: (line: string) => void,
): Promise<{ downloads: number; made: string[] }> {
  let downloads = 0
  const origin = createServer((_, response) => {
    downloads++
    response.writeHead(200, { 'cache-control': 'max-age=600' }).end(pixel)
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const cache = createCache()
  const made: string[] = []
  const { GET, images } = imageRoute({
    cache,
    origins: [originUrl],
    network: { schemes: ['http'], allowPrivate: ['127.0.0.1/32'] },
    // With sharp: ({ body }, width) => sharp(body).resize({ width: Number(width) }).webp().toBuffer()
    transform: ({ body }, width) => {
      made.push(width)
      return body
    },
  })
  for (const width of [640, 750, 640, 3840]) {
    const path = imageLoader({ src: `${originUrl}/pixel.png`, width })
    const response = await GET(new Request(`http://localhost${path}`))
    say(
      `${width}: ${response.status} ${path.split('?')[0]} ${response.headers.get('cache-status')}`,
    )
  }
  await images.close()
  await cache.close()
  await new Promise((resolve) => origin.close(resolve))
  return { downloads, made }
}
