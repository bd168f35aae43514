/**
 * `@holdfast/redis`: `redisStore` and `redisBus`, the shared tier of a Holdfast cache on Redis,
 * Valkey or Dragonfly through ioredis. Not released yet: this version exports nothing.
 *
 * @packageDocumentation
 */
export {}
