import { inspect } from 'node:util'
import { InvalidOptionError } from '@holdfast/core'
import { canarySecret } from '@holdfast/lab/canary'
import { expect, test } from 'vitest'
import { redisBus, redisStore } from './index.ts'

/** Whatever a caller without types writes. */
const open = (...given: unknown[]) => (redisStore as (...given: unknown[]) => unknown)(...given)
const openBus = (...given: unknown[]) => (redisBus as (...given: unknown[]) => unknown)(...given)

test.each<[string, unknown]>([
  ['host', 5],
  ['host', ''],
  ['host', 'redis://127.0.0.1'],
  ['host', '127.0.0.1:6379'],
  ['path', 5],
  ['username', 5],
  ['password', 5],
  ['password', { value: canarySecret('wrong kind') }],
  ['db', -1],
  ['db', canarySecret('db')],
  ['family', 5],
  ['protocol', 4],
  ['insecure', 'yes'],
  ['tls', 'yes'],
  ['tls', null],
  ['storeName', 5],
  ['connectTimeout', '500'],
  ['commandTimeout', 0],
  ['sentinelPassword', 5],
])('%s, the wrong one of line %#, is refused at once, by its name', (option, value) => {
  const refused = expect(() => open({ [option]: value }))
  refused.toThrow(InvalidOptionError)
  refused.toThrow(option)
  try {
    open({ [option]: value })
  } catch (error) {
    for (const secret of [canarySecret('wrong kind'), canarySecret('db')])
      expect(inspect(error)).not.toContain(secret)
  }
})

test('a password that came as a number is not told', () => {
  for (const option of ['password', 'sentinelPassword'])
    expect(() => open({ [option]: 314159 })).toThrow(/; it was of type number$/)
})

test('what ioredis calls null is an option that is not given', () => {
  open({ host: '127.0.0.1', path: null, username: null, password: null })
})

test('addresses, names and brackets are hosts', () => {
  for (const host of [
    '127.0.0.1',
    '::1',
    '[::1]',
    'localhost',
    'cache_1.internal',
    'bücher.example',
  ])
    open({ host })
})

test('tls: false is no TLS that would let bytes go in clear to a public address', () => {
  expect(() => open({ host: '8.8.8.8', tls: false })).toThrow(/^tls must be true/)
  expect(() => open({ host: '8.8.8.8', tls: '' })).toThrow(/^tls must be true/)
})

test('spans may be written with their unit', () => {
  open({ connectTimeout: '250ms', commandTimeout: '1s' })
  openBus({ connectTimeout: '250ms', commandTimeout: '1s' })
})

test('settings beside a connection are checked by name, too', () => {
  expect(() => open({}, { storename: 'a' })).toThrow(/no option 'storename'; give storeName/)
  expect(() => openBus({}, { chanel: 'a' })).toThrow(/no option 'chanel'; give channel/)
  expect(() => open({}, null)).toThrow(InvalidOptionError)
})

test('settings beside a connection leave the others as the connection says them', () => {
  const store = redisStore({ maxValueBytes: 5 }, { storeName: 'beside' })
  expect(store.name).toBe('beside')
  expect(store.capabilities.maxValueBytes).toBe(5)
})

test('a bus of nothing is refused as a store of nothing is', () => {
  for (const nothing of [undefined, null, 'redis://127.0.0.1'])
    for (const make of [open, openBus])
      expect(() => make(nothing)).toThrow(/expect a client of ioredis, or options/)
})
