import type { Clock } from '@holdfast/core'
import { ImageError } from '../image-error.ts'

/** One span of time for all that a request does, and the signal that ends it. */
export interface Deadline {
  /** Aborted with ImageError `timeout`, or with the reason of the caller's own signal. */
  readonly signal: AbortSignal
  readonly leftMs: number
  /** Rejects as soon as the signal is aborted, whatever `work` still does. */
  race<T>(work: Promise<T>): Promise<T>
  /** Ends it from inside, for whoever has what he wants. */
  clear(): void
}

export function startDeadline(
  ms: number,
  clock: Clock,
  callerSignal: AbortSignal | undefined,
): Deadline {
  const controller = new AbortController()
  const endsAt = clock.monotonic() + ms
  const timer = clock.setTimeout(() => {
    const message = `expected an answer within ${ms} ms; see limits.deadline`
    controller.abort(new ImageError('timeout', message))
  }, ms)
  const left = () => controller.abort(callerSignal?.reason)
  if (callerSignal?.aborted) left()
  callerSignal?.addEventListener('abort', left, { once: true })
  const { signal } = controller
  return {
    signal,
    get leftMs() {
      return endsAt - clock.monotonic()
    },
    race(work) {
      return new Promise((resolve, reject) => {
        const aborted = () => reject(signal.reason as Error)
        if (signal.aborted) aborted()
        signal.addEventListener('abort', aborted, { once: true })
        work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
      })
    },
    clear() {
      clock.clearTimeout(timer)
      callerSignal?.removeEventListener('abort', left)
    },
  }
}
