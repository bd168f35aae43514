import { fakeClock } from '@holdfast/core/testing'
import { canarySecret } from '@holdfast/lab/canary'
import { describe, expect, test, vi } from 'vitest'
import { FaultError } from './connection-errors.ts'
import { passwordOf } from './connection-provider.ts'

const never = new AbortController().signal
const isFault = (error: unknown): error is FaultError => error instanceof FaultError

/** What is said where there is no password. */
async function refusal(password: () => unknown, signal = never, clock = fakeClock()) {
  const asked = passwordOf({ username: 'me', password: password as () => string }, clock, signal)
  const ended = asked.then(
    () => undefined,
    (error: unknown) => error,
  )
  await clock.advance('10s')
  const error = await ended
  expect(isFault(error)).toBe(true)
  return (error as FaultError).fault
}

describe('a password', () => {
  test('is the text that was given, or what the function gives now', async () => {
    const clock = fakeClock()
    expect(await passwordOf({ username: 'me', password: canarySecret('text') }, clock, never)).toBe(
      canarySecret('text'),
    )
    const password = vi
      .fn()
      .mockReturnValueOnce(canarySecret('one'))
      .mockResolvedValueOnce(canarySecret('two'))
    expect(await passwordOf({ username: 'me', password }, clock, never)).toBe(canarySecret('one'))
    expect(await passwordOf({ username: 'me', password }, clock, never)).toBe(canarySecret('two'))
  })

  test.each([undefined, null, '', 7, {}])(
    'that is none is not sent as a word: %j',
    async (given) => {
      const { kind, reason } = await refusal(() => given)
      expect(kind).toBe('auth')
      expect(reason).toContain('password has to give a non-empty string')
    },
  )

  test('of a function that throws is an error which names the function and hides its words', async () => {
    const { kind, reason, cause } = await refusal(() => {
      throw new Error(canarySecret('thrown'))
    })
    expect(kind).toBe('auth')
    expect(reason).toContain('the function given as password')
    expect(`${reason} ${String(cause)}`).not.toContain(canarySecret('thrown'))
  })

  test('is waited for 10 s, and not at all once nobody wants it', async () => {
    const hanging = () => new Promise(() => {})
    expect((await refusal(hanging)).kind).toBe('auth')
    const clock = fakeClock()
    const cleared = vi.spyOn(clock, 'clearTimeout')
    const ending = new AbortController()
    const asked = passwordOf(
      { username: 'me', password: hanging as () => Promise<string> },
      clock,
      ending.signal,
    ).catch(isFault)
    ending.abort()
    expect(await asked).toBe(true)
    expect(cleared).toHaveBeenCalledOnce()
  })
})
