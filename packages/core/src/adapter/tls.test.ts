import { expect, test } from 'vitest'
import { InvalidOptionError, StoreError } from '../errors.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { checkTls, type TlsSetting, tlsNow } from './tls.ts'

const clock = fakeClock()
const strict = { rejectUnauthorized: true, minVersion: 'TLSv1.2' }

test('TLS verifies the server, by 1.2 at least, whatever Node was started with', async () => {
  expect(await tlsNow(undefined, false, clock)).toBeUndefined()
  expect(await tlsNow(true, false, clock)).toEqual(strict)
  expect(await tlsNow({ servername: 'a' }, false, clock)).toEqual({ ...strict, servername: 'a' })
  expect(await tlsNow(async () => ({ minVersion: 'TLSv1.3' }), false, clock)).toEqual({
    ...strict,
    minVersion: 'TLSv1.3',
  })
})

test.each([
  [{ rejectUnauthorized: false }, 'tls.rejectUnauthorized'],
  [{ minVersion: 'TLSv1.1' }, 'tls.minVersion'],
  [{ maxVersion: 'TLSv1' }, 'tls.maxVersion'],
  ['yes', 'tls must be true'],
] as [TlsSetting, string][])('%j is refused, also where a function gives it', async (tls, said) => {
  expect(() => checkTls(tls as object, false)).toThrow(said)
  const given = tlsNow(() => tls as object, false, clock)
  await expect(given).rejects.toBeInstanceOf(InvalidOptionError)
})

test('a server is not verified where that was asked for, on purpose', async () => {
  expect(await tlsNow({ rejectUnauthorized: false }, true, clock)).toMatchObject({
    rejectUnauthorized: false,
  })
})

test('a function that rejects is an error that names the option', async () => {
  const refused = tlsNow(() => Promise.reject(new Error('no vault')), false, clock)
  await expect(refused).rejects.toThrow('the function given as tls rejected')
  await expect(refused).rejects.toMatchObject({ kind: 'auth', retryable: true })
  await expect(refused).rejects.toBeInstanceOf(StoreError)
})
