import type { GuardOptions, OriginHeaders } from './options.ts'

/** One entry of `origins`, read. */
export interface OriginEntry {
  /** As it was written. */
  readonly match: string
  readonly headers: OriginHeaders | (() => OriginHeaders | Promise<OriginHeaders>) | undefined
  readonly concurrency: number
  /** `undefined`: what the origin says. */
  readonly ttlMs: number | undefined
  /** Whether this entry admits the URL. */
  admits(url: URL): boolean
  readonly ports: ReadonlySet<number>
}

export interface Limits {
  readonly bytes: number
  readonly pixels: number
  readonly side: number
  readonly redirects: number
  readonly deadlineMs: number
}

/** Guard options, read and frozen. */
export interface GuardSettings {
  readonly origins: readonly OriginEntry[]
  readonly limits: Limits
  /** `'http:'`, `'https:'`. */
  readonly schemes: ReadonlySet<string>
  readonly ports: ReadonlySet<number>
  readonly ca: readonly string[] | undefined
  /** Whether a connection to this address is admitted. */
  admitsAddress(address: string): boolean
}

/**
 * `origins`, `limits` and `network`, validated and completed. `where` begins the messages.
 * @throws InvalidOptionError naming the option's path
 */
export declare function readGuardSettings(options: GuardOptions, where: string): GuardSettings
