import type { CacheOptions } from '@holdfast/core'
import type { MemcachedProtocol } from '../../src/index.ts'

/** What a client process is started with, as JSON. */
export interface ClientSettings extends Pick<CacheOptions, 'memory'> {
  readonly servers: readonly string[]
  readonly protocol: MemcachedProtocol
}

/** What became of calls that all began at once. */
export interface AtOnce {
  readonly results: readonly {
    readonly value?: string
    readonly error?: string
    readonly ms: number
  }[]
  readonly loads: number
}
