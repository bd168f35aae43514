import type { Clock } from '@holdfast/core'
import { ImageError } from '../image-error.ts'
import type { Deadline } from '../network/deadline.ts'
import type { RetryBudget } from './retry-budget.ts'

const mostRetries = 2
const firstPauseMs = 100
const longestPauseMs = 2_000

const retriedStatuses = new Set([408, 429, 500, 502, 503, 504])

/** Whether the same request may fare better a moment later. */
function isWorthIt(error: unknown): error is ImageError {
  if (!(error instanceof ImageError)) return false
  if (error.code === 'status') return retriedStatuses.has(error.upstreamStatus ?? 0)
  return (error.code === 'network' || error.code === 'truncated') && error.retryable
}

/**
 * Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): anything from 0 to twice the last bound. The origin's
 * own Retry-After wins where it is short; where it is longer, nobody waits here.
 */
function pauseMs(error: ImageError, retries: number, clock: Clock): number | undefined {
  const asked = error.retryAfterMs
  if (asked !== undefined) return asked <= longestPauseMs ? asked : undefined
  return clock.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** retries)
}

/** Runs `attempt`, and again while that is worth it, in budget and in time. Tells how often it ran again. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  budget: RetryBudget,
  deadline: Deadline,
  clock: Clock,
): Promise<{ readonly result: T; readonly retries: number }> {
  for (let retries = 0; ; retries++) {
    try {
      return { result: await attempt(), retries }
    } catch (error) {
      if (retries >= mostRetries || deadline.signal.aborted || !isWorthIt(error)) throw error
      const waitMs = pauseMs(error, retries, clock)
      if (waitMs === undefined || waitMs >= deadline.leftMs || !budget.spend()) throw error
      await pause(waitMs, deadline.signal, clock)
    }
  }
}

function pause(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', left)
      resolve()
    }, ms)
    const left = () => {
      clock.clearTimeout(timer)
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', left, { once: true })
  })
}
