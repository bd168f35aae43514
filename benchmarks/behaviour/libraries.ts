import { asyncCacheDedupe } from './libraries/async-cache-dedupe.ts'
import { bentocache } from './libraries/bentocache.ts'
import { cacheManager } from './libraries/cache-manager.ts'
import { cacheable } from './libraries/cacheable.ts'
import { cachifiedOverLru } from './libraries/cachified.ts'
import { holdfast } from './libraries/holdfast.ts'
import { layeredLoader } from './libraries/layered-loader.ts'
import { lruCache } from './libraries/lru-cache.ts'
import { ocache } from './libraries/ocache.ts'

/** In the order of the table's columns. */
export const libraries = [
  holdfast,
  bentocache,
  cacheable,
  cacheManager,
  layeredLoader,
  asyncCacheDedupe,
  cachifiedOverLru,
  lruCache,
  ocache,
] as const
