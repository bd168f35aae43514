import type { Cache } from '../cache.ts'
import {
  type AnyAdapters,
  adapterFunction,
  type ImageHandler,
  type ImagesLike,
} from './adapters.ts'
import { named } from './build.ts'
import type { HoldfastConfig, ImageConfig } from './config-options.ts'
import { inClear, type Revealed } from './revealed.ts'

/** An image cache and, where it is configured, what serves it. */
export interface ImagePart<Images extends ImagesLike> {
  readonly images: Images
  readonly handler: ImageHandler | undefined
}

/** @throws ConfigError; then none of them is open. */
export function buildImages<Images extends ImagesLike>(
  config: HoldfastConfig,
  revealed: Revealed,
  adapters: AnyAdapters,
  cacheOf: (name: string) => Cache,
): ReadonlyMap<string, ImagePart<Images>> {
  const built = new Map<string, ImagePart<Images>>()
  try {
    for (const [name, options] of Object.entries(inClear(config, revealed).images ?? {}))
      built.set(name, buildImage(name, options, adapters, cacheOf))
  } catch (error) {
    for (const { images } of built.values()) void images.close()
    throw error
  }
  return built
}

export function buildImage<Images extends ImagesLike>(
  name: string,
  { cache, handler: handlerOptions, ...options }: ImageConfig,
  adapters: AnyAdapters,
  cacheOf: (name: string) => Cache,
): ImagePart<Images> {
  const path = `images.${name}`
  const create = adapterFunction<(options: object) => Images>(
    adapters,
    'image',
    'createImageCache',
    path,
  )
  // Looked for before anything is open.
  const serve = handlerOptions === undefined ? undefined : handlerMaker<Images>(adapters, path)
  const images = named(path, () => create({ ...options, cache: cacheOf(cache) }))
  try {
    const handler = serve && named(`${path}.handler`, () => serve(images, handlerOptions))
    return { images, handler }
  } catch (error) {
    void images.close()
    throw error
  }
}

export const handlerMaker = <Images extends ImagesLike>(adapters: AnyAdapters, path: string) =>
  adapterFunction<(images: Images, options: unknown) => ImageHandler>(
    adapters,
    'image',
    'createImageHandler',
    `${path}.handler`,
  )
