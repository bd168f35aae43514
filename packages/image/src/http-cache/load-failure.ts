import { isCacheError } from '@holdfast/core'

/** Errors of the cache itself, which are no reason for a fetch to fail. A load's own time limit is none of them. */
const ofTheCache = new Set([
  'ERR_HOLDFAST_CLOSED',
  'ERR_HOLDFAST_KEY',
  'ERR_HOLDFAST_REENTRANT_LOAD',
])

export function isOfTheCache(error: unknown): boolean {
  return isCacheError(error) && ofTheCache.has(error.code)
}

/** Whether the way out refused the request by its own rules: that says nothing of the origin, and nothing stands in for it. */
export function isRefusal(error: unknown): boolean {
  return (error as { retryable?: unknown } | undefined)?.retryable === false
}

/** How long the origin wants to be left alone, where the error knows. */
export function retryAfterOf(error: unknown): number | undefined {
  const { retryAfterMs } = (error ?? {}) as { retryAfterMs?: unknown }
  return typeof retryAfterMs === 'number' ? retryAfterMs : undefined
}
