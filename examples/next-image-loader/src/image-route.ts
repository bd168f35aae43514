import type { Cache } from '@holdfast/core'
import { createImageCache, createImageHandler, type ImageCacheOptions } from '@holdfast/image'
import { widths } from './image-loader.ts'

/**
 * The route that the loader points at. In Next.js it is the `GET` of `app/images/[[...path]]/route.ts`:
 *
 *     export const { GET } = imageRoute({ cache, origins: ['https://pictures.example.com'], transform: … })
 */
export function imageRoute(options: ImageCacheOptions & { readonly cache: Cache }) {
  const images = createImageCache(options)
  const GET = createImageHandler(images, {
    variant(request) {
      const width = Number(/\/w(\d+)\/$/.exec(new URL(request.url).pathname)?.[1])
      // Only what the loader asks for: every other width would be one more picture to make and to keep.
      return widths.includes(width) ? String(width) : undefined
    },
  })
  return { GET, images }
}
