import type { Bus, Store } from '../store/store.ts'
import { ConfigError } from './config-error.ts'

/** What of an image cache is used here. `ImageCache` of `@holdfast/image` is one. */
export interface ImagesLike {
  update(options: never): void
  close(): Promise<void>
}

/** A handler in the style of fetch. */
export type ImageHandler = (request: Request) => Promise<Response>

/**
 * The packages that speak to servers, as modules: `import * as redis from '@holdfast/redis'`. Core imports none of
 * them, so that nobody pays for what he does not use. The one function that makes a store will do, too.
 */
export interface Adapters<Images extends ImagesLike = ImagesLike> {
  /** `@holdfast/redis`, or its `redisStore`. */
  readonly redis?: RedisAdapter | RedisAdapter['redisStore'] | undefined
  /** `@holdfast/memcached`, or its `memcachedStore`. */
  readonly memcached?: MemcachedAdapter | MemcachedAdapter['memcachedStore'] | undefined
  /** `@holdfast/image`, or its `createImageCache`. */
  readonly image?: ImageAdapter<Images> | ImageAdapter<Images>['createImageCache'] | undefined
}

export interface RedisAdapter {
  readonly redisStore: (options: never) => Store
  readonly redisBus?:
    | ((options: never, settings?: { readonly channel?: string }) => Bus)
    | undefined
  readonly shardedRedis?: ((options: never) => Store) | undefined
}

export interface MemcachedAdapter {
  readonly memcachedStore: (options: never) => Store
}

export interface ImageAdapter<Images extends ImagesLike> {
  readonly createImageCache: (options: never) => Images
  readonly createImageHandler?: ((images: Images, options?: never) => ImageHandler) | undefined
  readonly diskStore?: ((options: never) => Store) | undefined
}

/** As the builders see them, whatever images they make. */
export type AnyAdapters = Readonly<Partial<Record<keyof Adapters, unknown>>>

const mains = {
  redis: 'redisStore',
  memcached: 'memcachedStore',
  image: 'createImageCache',
} as const satisfies Record<keyof Adapters, string>

/**
 * A function of an adapter.
 * @throws ConfigError that says what to import where there is none.
 */
export function adapterFunction<F extends (...args: never[]) => unknown>(
  adapters: AnyAdapters,
  adapter: keyof Adapters,
  name: string,
  path: string,
): F {
  const given = adapters[adapter]
  const found: unknown =
    typeof given === 'function'
      ? name === mains[adapter]
        ? given
        : undefined
      : (given as Record<string, unknown> | undefined)?.[name]
  if (typeof found === 'function') return found as F
  throw new ConfigError(
    `${path} needs ${name} of @holdfast/${adapter}: import * as ${adapter} from '@holdfast/${adapter}' and hand it in as { ${adapter} }`,
    { path },
  )
}
