import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type CacheOptions, createCache } from '@holdfast/core'
import {
  createImageCache,
  createImageHandler,
  diskStore,
  type Transform,
  toNode,
} from '@holdfast/image'
import { redisStore } from '@holdfast/redis'

/** One arm as a process of its own: `node images-server.ts <arm> <origin> <folder> <redis port>`. */
const [arm = '', origin = '', folder = '', redisPort = ''] = process.argv.slice(2)
const file = join(folder, 'image.png')

const holdfast = (options: CacheOptions, transform?: Transform) => {
  const cache = createCache({ ...options, resilience: { storeTimeout: '5s' } })
  cache.on('error', ({ error }) => console.error(error))
  const images = createImageCache({
    cache,
    origins: [origin],
    network: { schemes: ['http'], allowPrivate: ['127.0.0.1/32'] },
    ...(transform === undefined ? {} : { transform }),
  })
  const variant = transform === undefined ? {} : { variant: () => 'w320' }
  return toNode(createImageHandler(images, variant))
}

const arms: Record<string, () => RequestListener | Promise<RequestListener>> = {
  'node-buffer'() {
    const body = readFileSync(file)
    const headers = { 'content-type': 'image/png', 'content-length': body.length }
    return (_, response) => void response.writeHead(200, headers).end(body)
  },
  'node-file': () => async (_, response) => {
    const body = await readFile(file)
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': body.length })
    response.end(body)
  },
  'holdfast-memory': () => holdfast({}),
  'holdfast-memory-disk': () =>
    holdfast({ store: diskStore({ directory: join(folder, 'both'), maxBytes: 1e9 }) }),
  'holdfast-disk': () =>
    holdfast({
      memory: false,
      store: diskStore({ directory: join(folder, 'disk'), maxBytes: 1e9 }),
    }),
  'holdfast-redis': () =>
    holdfast({ memory: false, store: redisStore({ host: '127.0.0.1', port: Number(redisPort) }) }),
  async 'holdfast-variant'() {
    // The one that ipx brings, so that both make the same picture with the same program.
    const require = createRequire(createRequire(import.meta.url).resolve('ipx'))
    const sharp = require('sharp') as (bytes: Uint8Array) => {
      resize(size: { width: number }): { webp(): { toBuffer(): Promise<Buffer> } }
    }
    return holdfast({}, ({ body }) => sharp(body).resize({ width: 320 }).webp().toBuffer())
  },
  async ipx() {
    const { createIPX, createIPXNodeServer, ipxFSStorage } = await import('ipx')
    return createIPXNodeServer(createIPX({ storage: ipxFSStorage({ dir: folder }) }))
  },
}

const server = createServer(await arms[arm]!())
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
