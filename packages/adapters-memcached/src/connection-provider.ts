import type { Clock } from '@holdfast/core'
import { keepAlive } from './clock.ts'
import { FaultError, fault } from './connection-errors.ts'

/** A secret manager may be slow, and still has to end. */
const providerTimeoutMs = 10_000

/** Asks a function of the user's, for a password or for TLS options. */
export async function ask<T>(
  provide: () => T | Promise<T>,
  option: string,
  clock: Clock,
): Promise<T> {
  let timer: unknown
  try {
    return await Promise.race([
      (async () => provide())(),
      new Promise<never>((_, reject) => {
        timer = clock.setTimeout(reject, providerTimeoutMs)
        keepAlive(timer, true)
      }),
    ])
  } catch {
    // Its own error may hold the secret: the function is named, and the error is not passed on.
    throw new FaultError(
      fault(
        'auth',
        `the function given as ${option} rejected, or did not answer within ${providerTimeoutMs} ms`,
      ),
    )
  } finally {
    clock.clearTimeout(timer)
  }
}
