import { createServer, type Server } from 'node:http'
import { createCache } from '@holdfast/core'
import {
  adminHandler,
  createImageCache,
  createImageHandler,
  diskStore,
  type NetworkOptions,
  type OriginOptions,
  type SigningPair,
  signUrl,
  toNode,
} from '@holdfast/image'
import sharp from 'sharp'

export interface ServiceOptions {
  /** Where images are kept over restarts. */
  readonly directory: string
  readonly origins: readonly (string | OriginOptions)[]
  readonly network?: NetworkOptions
  /** The newest first; the others still verify. */
  readonly pairs: readonly [SigningPair, ...SigningPair[]]
  readonly adminToken: string
  /** Answers what is no image and no administration. */
  readonly page: (path: string, signed: (url: string, width?: number) => string) => Page
}

export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

const widths = [160, 320, 640, 1280]

/** A whole image service: memory in front of a disk, signed URLs, four widths in WebP, administration, metrics. */
export function createService(options: ServiceOptions) {
  const store = diskStore({ directory: options.directory, maxBytes: 500_000_000 })
  // The disk and sharp share Node's few threads, so a file may have to wait for a picture.
  const cache = createCache({ name: 'images', store, resilience: { storeTimeout: '2s' } })
  cache.on('error', ({ kind, error }) => console.error(kind, String(error)))
  cache.on('refused', ({ reason }) => console.error('refused', reason))

  const images = createImageCache({
    cache,
    origins: options.origins,
    ...(options.network === undefined ? {} : { network: options.network }),
    limits: { bytes: '5mb', deadline: '2s' },
    freshness: { staleWhileRevalidate: '10s', staleIfError: '1d' },
    // Called once per original and width, however many ask and however long it is kept.
    transform: async ({ body }, variant) =>
      sharp(body)
        .resize({ width: Number(variant), withoutEnlargement: true })
        .webp()
        .toBuffer(),
  })

  const serve = toNode(
    createImageHandler(images, {
      base: '/images',
      signing: { pairs: options.pairs },
      throttle: { perSecond: 50, burst: 200 },
      // The width is in the signed path: /images/<signature>/w320/?url=…
      variant: (request) => {
        const width = /\/w(\d+)\/$/.exec(new URL(request.url).pathname)?.[1]
        return width !== undefined && widths.includes(Number(width)) ? width : undefined
      },
    }),
  )
  const administer = toNode(
    adminHandler(images, {
      authorize: (request) =>
        request.headers.get('authorization') === `Bearer ${options.adminToken}`,
    }),
  )

  const signed = (url: string, width?: number) => {
    const path = `/${width === undefined ? '' : `w${width}/`}?url=${encodeURIComponent(url)}`
    return `/images/${signUrl(path, options.pairs[0])}${path}`
  }

  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!
    if (path.startsWith('/images/')) return serve(request, response)
    if (path.startsWith('/admin/')) return administer(request, response)
    if (path === '/stats') {
      const body = JSON.stringify(cache.stats())
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(body)
    }
    const { status, type, body } = options.page(path, signed)
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
  })

  return {
    server,
    images,
    signed,
    async close() {
      server.close()
      server.closeAllConnections()
      await images.close()
      await cache.close()
      await store.close()
    },
  }
}
