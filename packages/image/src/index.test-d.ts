import type { Cache, Store } from '@holdfast/core'
import { expectTypeOf, test } from 'vitest'
import {
  adminHandler,
  createImageCache,
  createImageHandler,
  diskStore,
  guardedFetch,
  type ImageError,
  type ImageErrorCode,
  signUrl,
  toNode,
  verifyUrl,
} from './index.ts'

declare const cache: Cache

test('an image cache needs a cache and origins, and takes no option that it does not know', () => {
  createImageCache({ cache, origins: ['*'] })
  createImageCache({
    cache,
    origins: [{ match: 'https://a.example', headers: async () => ({ a: 'b' }) }],
  })
  // @ts-expect-error origins are required
  createImageCache({ cache })
  // @ts-expect-error no such option
  createImageCache({ cache, origins: ['*'], origin: '*' })
  // @ts-expect-error no such format
  createImageCache({ cache, origins: ['*'], types: ['bmp'] })
})

test('what an image cache gives', async () => {
  const images = createImageCache({ cache, origins: ['*'] })
  const image = await images.get('https://a.example/', { variant: '1', integrity: 'sha256-' })
  expectTypeOf(image).toEqualTypeOf<{
    readonly body: Uint8Array
    readonly type: string
    readonly width: number
    readonly height: number
    readonly etag: string
    readonly age: number
    readonly status: 'hit' | 'stale' | 'miss' | 'revalidated'
  }>()
  expectTypeOf(images.peek('x')).toEqualTypeOf<typeof image | undefined>()
  expectTypeOf(images.purge('x', { soft: true })).toEqualTypeOf<Promise<void>>()
  expectTypeOf(images.key('x', 'variant')).toEqualTypeOf<string>()
  images.update({ limits: { bytes: '1mb' } })
})

test('handlers are in fetch style, and one for Node is made of any of them', () => {
  const images = createImageCache({ cache, origins: ['*'] })
  const pairs = [{ key: 'k', salt: 's' }]
  const handler = createImageHandler(images, { signing: { pairs, required: true }, expose: false })
  expectTypeOf(handler).toEqualTypeOf<(request: Request) => Promise<Response>>()
  toNode(handler)
  toNode(() => new Response())
  // @ts-expect-error nobody may purge by default
  adminHandler(images, {})
  expectTypeOf(signUrl('/', pairs[0]!)).toEqualTypeOf<string>()
  expectTypeOf(verifyUrl('/', '', pairs, { now: 1 })).toEqualTypeOf<boolean>()
  expectTypeOf(guardedFetch({ origins: ['*'] })).toEqualTypeOf<typeof fetch>()
})

test('a folder is a store like any other, and an error says its reason', () => {
  expectTypeOf(diskStore({ directory: '/x', maxBytes: 1 })).toExtend<Store>()
  // @ts-expect-error a bound is required
  diskStore({ directory: '/x' })
  expectTypeOf<ImageError['code']>().toEqualTypeOf<ImageErrorCode>()
})
