import { expect, test } from 'vitest'
import { Redirection, redirectionOf } from './redirection.ts'
import { FalseRedirection } from './redis-errors.ts'

const refused = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })

test('MOVED and ASK say where to go', () => {
  const to = { host: '127.0.0.1', port: 6381 }
  expect(redirectionOf(refused('MOVED 3999 127.0.0.1:6381'), 3999)).toEqual(
    new Redirection('moved', to),
  )
  expect(redirectionOf(refused('ASK 3999 127.0.0.1:6381'), 3999)).toEqual(
    new Redirection('ask', to),
  )
  expect(redirectionOf(refused('MOVED 0 :6381'), 0, '127.0.0.1')?.to).toEqual(to)
})

test('other errors are none', () => {
  expect(redirectionOf(refused('ERR no'), 0)).toBeUndefined()
  expect(redirectionOf(new Error('MOVED 0 127.0.0.1:6381'), 0)).toBeUndefined()
})

test.each([
  'MOVED 16384 127.0.0.1:6381',
  'MOVED -1 127.0.0.1:6381',
  'MOVED 1.5 127.0.0.1:6381',
  'MOVED __proto__ 127.0.0.1:6381',
  'MOVED 4000 127.0.0.1:6381',
  'MOVED 3999 127.0.0.1:99999',
  'MOVED 3999 __proto__',
  'MOVED 3999',
  'MOVED',
  'ASK 3999 127.0.0.1:6381 more',
])('%s is refused', (message) => {
  expect(() => redirectionOf(refused(message), 3999)).toThrow(FalseRedirection)
})
