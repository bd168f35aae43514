import type { Duration } from '@holdfast/core'

/** A number of bytes, or a whole or decimal number with its unit (1 kb = 1,000 bytes, 1 kib = 1,024). */
export type ByteSize = number | `${number}${'b' | 'kb' | 'mb' | 'kib' | 'mib'}`

/** Formats that can be admitted. */
export type ImageFormat = 'jpeg' | 'png' | 'gif' | 'webp' | 'avif' | 'svg'

/** Request headers for one origin, such as its credentials. Never stored, never shown, never sent to another entry's hosts. */
export type OriginHeaders = Readonly<Record<string, string>>

/** One line of the list of origins that may be asked. */
export interface OriginOptions {
  /**
   * `'https://img.example.com'`, optionally with a port and a path prefix: `'https://img.example.com/public/'`. In front
   * of a host name `*.` stands for exactly one label and `**.` for one or more, never for none. `'*'` admits every host.
   */
  readonly match: string
  /** Sent with each request to hosts of this entry. A function is asked for each request, and once more after a 401. */
  readonly headers?: OriginHeaders | (() => OriginHeaders | Promise<OriginHeaders>)
  /** Ports of this entry beside the scheme's own. Default: the one in `match`, if it names one. */
  readonly ports?: readonly number[]
  /** Requests to one of its hosts at a time. Default 6. */
  readonly concurrency?: number
  /** How long its images stay fresh, whatever the origin says. Default: what the origin says. */
  readonly ttl?: Duration
}

export interface LimitOptions {
  /** Of a body as it travels, and of it decoded. Default `'10mb'`. */
  readonly bytes?: ByteSize
  /** Width times height, read from the header. Default 40,000,000. */
  readonly pixels?: number
  /** Width, and height. Default 16,384. */
  readonly side?: number
  /** Redirects followed for one request. Default 3. */
  readonly redirects?: number
  /** For a whole request: queueing, look-ups, redirects, retries, headers and body. Default `'4s'`. */
  readonly deadline?: Duration
}

export interface NetworkOptions {
  /** Default `['https']`. */
  readonly schemes?: readonly ('http' | 'https')[]
  /** Ports beside those of the schemes, for every origin. Default none. */
  readonly ports?: readonly number[]
  /**
   * Blocks of addresses that are opened although they are not public, such as `'10.2.0.0/16'`. Addresses of cloud
   * metadata services open only by an entry of their own (`'169.254.169.254/32'`). Default none.
   */
  readonly allowPrivate?: readonly string[]
  /** Certificates, in PEM, that are trusted in place of the machine's. Verification itself cannot be switched off. */
  readonly ca?: string | readonly string[]
}

/** What may be fetched, and how much of it. */
export interface GuardOptions {
  /** Required; empty admits nothing, and `'*'` everything that is public, on purpose. */
  readonly origins: readonly (string | OriginOptions)[]
  readonly limits?: LimitOptions
  readonly network?: NetworkOptions
}
