import type { Clock } from '@holdfast/core'
import { keepAlive } from './clock.ts'
import { FaultError, fault } from './connection-errors.ts'
import type { Credentials } from './sasl.ts'

/** A secret manager may be slow, and still has to end. */
const providerTimeoutMs = 10_000

/**
 * Asks a function of the user's, for a password or for TLS options.
 * @param ending aborted when nobody will want the answer any more.
 */
export async function ask<T>(
  provide: () => T | Promise<T>,
  option: string,
  clock: Clock,
  ending: AbortSignal,
): Promise<T> {
  let timer: unknown
  let giveUp = () => {}
  try {
    return await Promise.race([
      (async () => provide())(),
      new Promise<never>((_, reject) => {
        giveUp = () => reject(new Error('given up'))
        ending.addEventListener('abort', giveUp, { once: true })
        timer = clock.setTimeout(giveUp, providerTimeoutMs)
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
    ending.removeEventListener('abort', giveUp)
  }
}

/** The password as it is now. */
export async function passwordOf(
  { password }: Credentials,
  clock: Clock,
  ending: AbortSignal,
): Promise<string> {
  if (typeof password === 'string') return password
  const given: unknown = await ask(password, 'password', clock, ending)
  if (typeof given === 'string' && given !== '') return given
  throw new FaultError(
    fault('auth', 'the function given as password has to give a non-empty string, and did not'),
  )
}
