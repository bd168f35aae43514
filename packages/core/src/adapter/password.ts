import type { Clock } from '../clock.ts'
import { StoreError } from '../errors.ts'
import { askProvider } from './ask-provider.ts'

/** A password, or a function that is asked before each connect, so that it can be rotated. */
export type PasswordSetting = string | (() => string | Promise<string>)

/**
 * The password as it is now.
 * @param ending aborted when nobody will want the answer any more
 * @throws StoreError of kind `auth`, as a rejection, where the function rejects, gives no non-empty string, or does not
 * answer within 10 s. The message names the option and holds nothing of what the function said.
 */
export async function passwordNow(
  password: PasswordSetting,
  clock: Clock,
  ending?: AbortSignal,
): Promise<string> {
  if (typeof password === 'string') return password
  const given: unknown = await askProvider(password, 'password', clock, ending)
  if (typeof given === 'string' && given !== '') return given
  throw new StoreError(
    'the function given as password has to give a non-empty string, and did not',
    { kind: 'auth', retryable: true },
  )
}
