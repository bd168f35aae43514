import { describe, expect, test, vi } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { StoreError } from '../errors.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { passwordNow } from './password.ts'

const never = new AbortController().signal
const isRefusal = (error: unknown): error is StoreError => error instanceof StoreError

/** What is said where there is no password. */
async function refusal(password: () => unknown, signal = never, clock = fakeClock()) {
  const asked = passwordNow(password as () => string, clock, signal)
  const ended = asked.then(
    () => undefined,
    (error: unknown) => error,
  )
  await clock.advance('10s')
  const error = await ended
  expect(isRefusal(error)).toBe(true)
  return error as StoreError
}

describe('a password', () => {
  test('is the text that was given, or what the function gives now', async () => {
    const clock = fakeClock()
    expect(await passwordNow(canarySecret('text'), clock, never)).toBe(canarySecret('text'))
    const password = vi
      .fn()
      .mockReturnValueOnce(canarySecret('one'))
      .mockResolvedValueOnce(canarySecret('two'))
    expect(await passwordNow(password, clock, never)).toBe(canarySecret('one'))
    expect(await passwordNow(password, clock, never)).toBe(canarySecret('two'))
  })

  test.each([undefined, null, '', 7, {}])(
    'that is none is not sent as a word: %j',
    async (given) => {
      const { kind, message } = await refusal(() => given)
      expect(kind).toBe('auth')
      expect(message).toContain('password has to give a non-empty string')
    },
  )

  test('of a function that throws is an error which names the function and hides its words', async () => {
    const { kind, message, cause } = await refusal(() => {
      throw new Error(canarySecret('thrown'))
    })
    expect(kind).toBe('auth')
    expect(message).toContain('the function given as password')
    expect(`${message} ${String(cause)}`).not.toContain(canarySecret('thrown'))
  })

  test('is waited for 10 s, and not at all once nobody wants it', async () => {
    const hanging = () => new Promise(() => {})
    expect((await refusal(hanging)).kind).toBe('auth')
    const clock = fakeClock()
    const cleared = vi.spyOn(clock, 'clearTimeout')
    const ending = new AbortController()
    const asked = passwordNow(hanging as () => Promise<string>, clock, ending.signal).catch(
      isRefusal,
    )
    ending.abort()
    expect(await asked).toBe(true)
    expect(cleared).toHaveBeenCalledOnce()
  })
})
