import { type Clock, keepAlive, type TimerHandle } from '../clock.ts'
import { StoreError } from '../errors.ts'

/** A secret manager may be slow, and still has to end. */
const providerTimeoutMs = 10_000

/**
 * Asks a function that was given as an option, such as the one for a password, for what it has now. What it fails with may
 * hold the secret: the option is named, and the error is not passed on.
 * @param ending aborted when nobody will want the answer any more
 * @throws StoreError of kind `auth`, as a rejection, where it rejects, or does not answer within 10 s
 */
export async function askProvider<T>(
  provide: () => T | Promise<T>,
  option: string,
  clock: Clock,
  ending?: AbortSignal,
): Promise<T> {
  let timer: TimerHandle
  let giveUp = () => {}
  try {
    return await Promise.race([
      (async () => provide())(),
      new Promise<never>((_, reject) => {
        giveUp = () => reject(new Error('given up'))
        ending?.addEventListener('abort', giveUp, { once: true })
        timer = clock.setTimeout(giveUp, providerTimeoutMs)
        // Whoever waits for an answer of the store keeps the process alive, and nobody does for a connect alone.
        keepAlive(timer, false)
      }),
    ])
  } catch {
    throw new StoreError(
      `the function given as ${option} rejected, or did not answer within ${providerTimeoutMs} ms`,
      { kind: 'auth', retryable: true },
    )
  } finally {
    clock.clearTimeout(timer)
    ending?.removeEventListener('abort', giveUp)
  }
}
