/**
 * `@holdfast/image`: fetches, checks, keeps and serves origin images through a Holdfast cache.
 *
 * @packageDocumentation
 */
export type { DiskStoreOptions } from './disk-store/disk-options.ts'
export { type DiskStore, diskStore } from './disk-store/disk-store.ts'
export { createHttpCache, type HttpCache } from './http-cache/http-cache.ts'
export type { HttpCacheOptions, HttpFreshnessOptions } from './http-cache/http-cache-options.ts'
export {
  createImageCache,
  type GetOptions,
  type Image,
  type ImageCache,
  type WarmResult,
} from './image-cache/image-cache.ts'
export type {
  FreshnessOptions,
  ImageCacheOptions,
  KeyOptions,
  PollOptions,
  Transform,
  TransformSource,
} from './image-cache/image-options.ts'
export type { ReadingStatus as ImageStatus } from './image-cache/reading.ts'
export { ImageError, type ImageErrorCode, type ImageErrorDetails } from './image-error.ts'
export { guardedFetch } from './network/guarded-fetch.ts'
export type {
  ByteSize,
  GuardOptions,
  ImageFormat,
  LimitOptions,
  NetworkOptions,
  OriginHeaders,
  OriginOptions,
} from './network/options.ts'
export { type AdminHandlerOptions, adminHandler } from './serve/admin-handler.ts'
export type {
  ImageHandlerOptions,
  SigningOptions,
  ThrottleOptions,
} from './serve/handler-options.ts'
export { createImageHandler } from './serve/image-handler.ts'
export { type SigningPair, signUrl, type VerifyOptions, verifyUrl } from './serve/sign-url.ts'
export { toNode } from './serve/to-node.ts'
