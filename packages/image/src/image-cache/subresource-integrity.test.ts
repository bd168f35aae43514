import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { assertIntegrity, knowsIntegrity } from './subresource-integrity.ts'

const body = Buffer.from('alert(1)')
const hash = (algorithm: string, of = body) =>
  `${algorithm}-${createHash(algorithm).update(of).digest('base64')}`
const other = Buffer.from('other')

it('takes any of the hashes of the strongest kind, and nothing weaker beside it', () => {
  assertIntegrity(body, hash('sha256'))
  assertIntegrity(body, ` ${hash('sha512', other)}  ${hash('sha512')}?option `)
  expect(() => assertIntegrity(body, `${hash('sha256')} ${hash('sha512', other)}`)).toThrow(
    expect.objectContaining({ code: 'integrity' }),
  )
})

it.each(['', 'md5-abc', 'sha256', hash('sha256').slice(7)])('knows no hash in %j', (text) => {
  expect(knowsIntegrity(text)).toBe(false)
  expect(knowsIntegrity(`${text} ${hash('sha256')}`)).toBe(true)
})

it('refuses a hash that is too short', () => {
  expect(() => assertIntegrity(body, hash('sha256').slice(0, 12))).toThrow(
    expect.objectContaining({ code: 'integrity' }),
  )
})
