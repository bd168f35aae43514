import type { Clock } from '@holdfast/core'
import type { PolicyOptions } from './policy-options.ts'

/** The options of an HTTP cache, read and checked. */
export interface HttpCacheSettings {
  readonly policy: PolicyOptions
  /** The name in `Cache-Status`; `undefined`: the field is not sent. */
  readonly statusName: string | undefined
  readonly maxBodyBytes: number
  readonly keepSetCookie: boolean
  readonly timeoutMs: number
  readonly clock: Clock
  /** The way out. Called with `redirect: 'manual'`. */
  readonly network: typeof fetch
}
