/**
 * Every error of Holdfast. Each has a stable `code` (safe to switch on), a message that says what was
 * expected, what came and which option to change, and, where something else failed first, its `cause`.
 * No message ever holds a value, a key's content beyond its place, or a secret.
 */

/** The brand is a registered symbol, so errors of a second installed copy of Holdfast are recognised too. */
const brand: unique symbol = Symbol.for('holdfast.CacheError')

export interface ErrorDetails {
  readonly cause?: unknown
}

/** The base of all errors that Holdfast itself raises. A loader's own error is never wrapped in one. */
export class CacheError extends Error {
  readonly code: string
  readonly [brand] = true

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    // Of the details only `cause` has a meaning for Error, and only where it is present.
    super(message, details)
    this.name = new.target.name
    this.code = code
  }
}

/** An option, argument or configuration value that Holdfast cannot work with. Raised before anything runs. */
export class InvalidOptionError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_INVALID_OPTION', message, details)
  }
}

/** A key that is no non-empty, well-formed string of at most 4,096 bytes, or one that cannot be built. */
export class KeyError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_KEY', message, details)
  }
}

/** A value that cannot be kept exactly as it is, or kept bytes that cannot be read back. */
export class CodecError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_CODEC', message, details)
  }
}

/**
 * Why a store failed, in words that do not depend on the engine. `timeout`, `unavailable` and `overloaded` pass by
 * themselves; `auth`, `denied`, `full`, `too-large`, `unsupported` and `protocol` want somebody to act.
 */
export type StoreErrorKind =
  | 'timeout'
  | 'unavailable'
  | 'overloaded'
  | 'auth'
  | 'denied'
  | 'full'
  | 'read-only'
  | 'too-large'
  | 'invalid-key'
  | 'protocol'
  | 'closed'
  | 'unknown'

export interface StoreErrorDetails extends ErrorDetails {
  /** Default `'unknown'`. */
  readonly kind?: StoreErrorKind
  /** The store's name. */
  readonly store?: string
  /** The store's method, for example `'get'`. */
  readonly operation?: string
  /** Whether the same call may succeed later. Default: true for `timeout`, `unavailable` and `overloaded`. */
  readonly retryable?: boolean
  /** True where only some keys are concerned, and the store answers for others: one server of several. Default false. */
  readonly partial?: boolean
}

/** A store that did not do what it was asked. `wrap` never rejects with it; a caller of a store itself sees it. */
export class StoreError extends CacheError {
  readonly kind: StoreErrorKind
  readonly store: string | undefined
  readonly operation: string | undefined
  readonly retryable: boolean
  readonly partial: boolean

  constructor(message: string, details: StoreErrorDetails = {}) {
    super('ERR_HOLDFAST_STORE', message, details)
    this.kind = details.kind ?? 'unknown'
    this.store = details.store
    this.operation = details.operation
    this.retryable =
      details.retryable ?? ['timeout', 'unavailable', 'overloaded'].includes(this.kind)
    this.partial = details.partial ?? false
  }
}

/** An invalidation that did not reach the shared store. It is journalled and replayed; until then other processes may still read the old value. */
export class InvalidationError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_INVALIDATION', message, details)
  }
}

/** A load that did not finish within `loadTimeout`, time in the queue included. The key is free again. */
export class LoadTimeoutError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_LOAD_TIMEOUT', message, details)
  }
}

/** Loads that wait for each other in a circle and would never end. */
export class ReentrantLoadError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_REENTRANT_LOAD', message, details)
  }
}

/** More loads are waiting for their turn than `resilience.loadQueue` allows. */
export class OverloadError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_OVERLOAD', message, details)
  }
}

/** Something this store, server or platform cannot do. */
export class UnsupportedError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_UNSUPPORTED', message, details)
  }
}

/** A call on a cache or store that has been closed. */
export class ClosedError extends CacheError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_HOLDFAST_CLOSED', message, details)
  }
}

/** True for every error of Holdfast, also of another installed copy of it, where `instanceof` would fail. */
export function isCacheError(error: unknown): error is CacheError {
  return typeof error === 'object' && error !== null && brand in error
}
