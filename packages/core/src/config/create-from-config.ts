import type { Cache } from '../cache.ts'
import type { Duration } from '../options/duration.ts'
import { refuseUnknownName } from '../options/known-names.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Ring } from '../sharding/ring.ts'
import type { Store } from '../store/store.ts'
import type { Adapters, ImageHandler, ImagesLike } from './adapters.ts'
import { buildParts, closeParts, type Part } from './build.ts'
import { buildImages, type ImagePart } from './build-images.ts'
import type { HoldfastConfig } from './config-options.ts'
import { checkConfig } from './read-config.ts'
import { revealSecrets } from './revealed.ts'

/** What a configuration has become. Each function throws `InvalidOptionError` with the nearest name for one that there is not. */
export interface Configured<Images extends ImagesLike = ImagesLike> {
  cache(name: string): Cache
  store(name: string): Store
  ring(name: string): Ring
  session(name: string): Sessions
  /** An image cache. */
  image(name: string): Images
  /** What serves the images of an image cache that has a `handler`. */
  imageHandler(name: string): ImageHandler
  /** All of them by name, for whoever goes over them, such as `prometheus`. */
  readonly caches: Readonly<Record<string, Cache>>
  readonly stores: Readonly<Record<string, Store>>
  readonly rings: Readonly<Record<string, Ring>>
  readonly sessions: Readonly<Record<string, Sessions>>
  readonly images: Readonly<Record<string, Images>>
  /** Closes image caches, caches, buses and stores, in this order; loads in flight are waited for up to `drain` (default 2 s). */
  close(options?: { readonly drain?: Duration }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Builds the caches, stores, rings, sessions and image caches of a configuration: one of `readConfig`, or one written
 * in code, which is checked first. No server is connected to before it is used.
 * @throws ConfigError, as a rejection, with the path; then nothing stays open.
 */
export async function createFromConfig<Images extends ImagesLike = ImagesLike>(
  config: HoldfastConfig,
  adapters: Adapters<Images> = {},
): Promise<Configured<Images>> {
  const checked = await checkConfig(config)
  const revealed = await revealSecrets(checked)
  const parts = await buildParts(checked, revealed, adapters)
  const caches = made(parts.caches)
  let images: ReadonlyMap<string, ImagePart<Images>>
  try {
    images = buildImages(checked, revealed, adapters, (name) => caches[name]!)
  } catch (error) {
    await closeParts(parts)
    throw error
  }
  let closing: Promise<void> | undefined
  const close = async (options: { readonly drain?: Duration } = {}) => {
    await Promise.allSettled([...images.values()].map((part) => part.images.close()))
    await Promise.allSettled(Object.values(caches).map((cache) => cache.close(options)))
    await closeParts(parts)
  }
  return handles({
    caches: () => caches,
    stores: () => made(parts.stores),
    rings: () => made(parts.rings),
    sessions: () => made(parts.sessions),
    images: () => imagesOf(images),
    handlers: () => handlersOf(images),
    close: (options) => {
      closing ??= close(options)
      return closing
    },
  })
}

/** What the handles of a configuration are at the moment. */
export interface Present<Images extends ImagesLike> {
  caches(): Readonly<Record<string, Cache>>
  stores(): Readonly<Record<string, Store>>
  rings(): Readonly<Record<string, Ring>>
  sessions(): Readonly<Record<string, Sessions>>
  images(): Readonly<Record<string, Images>>
  handlers(): Readonly<Record<string, ImageHandler>>
  close(options?: { readonly drain?: Duration }): Promise<void>
}

export function handles<Images extends ImagesLike>(present: Present<Images>): Configured<Images> {
  return {
    cache: (name) => pick(present.caches(), 'caches', name),
    store: (name) => pick(present.stores(), 'stores', name),
    ring: (name) => pick(present.rings(), 'rings', name),
    session: (name) => pick(present.sessions(), 'sessions', name),
    image: (name) => pick(present.images(), 'images', name),
    imageHandler: (name) => pick(present.handlers(), 'handlers of images', name),
    get caches() {
      return present.caches()
    },
    get stores() {
      return present.stores()
    },
    get rings() {
      return present.rings()
    },
    get sessions() {
      return present.sessions()
    },
    get images() {
      return present.images()
    },
    close: (options) => present.close(options),
    [Symbol.asyncDispose]: () => present.close(),
  }
}

function pick<T>(from: Readonly<Record<string, T>>, what: string, name: string): T {
  refuseUnknownName(String(name), Object.keys(from), `among the ${what} of the configuration is no`)
  return from[name]!
}

export const made = <T>(parts: ReadonlyMap<string, Part<T>>): Readonly<Record<string, T>> =>
  Object.fromEntries([...parts].map(([name, part]) => [name, part.made]))

export const imagesOf = <Images extends ImagesLike>(
  parts: ReadonlyMap<string, ImagePart<Images>>,
): Readonly<Record<string, Images>> =>
  Object.fromEntries([...parts].map(([name, { images }]) => [name, images]))

export const handlersOf = <Images extends ImagesLike>(
  parts: ReadonlyMap<string, ImagePart<Images>>,
): Readonly<Record<string, ImageHandler>> =>
  Object.fromEntries(
    [...parts].flatMap(([name, { handler }]) => (handler ? [[name, handler]] : [])),
  )
