import { expect, test } from 'vitest'
import { parseServerAddress } from './server-address.ts'

test.each([
  ['10.0.0.1:6379', '10.0.0.1', 6379],
  ['redis-0.redis.svc.cluster.local:6379', 'redis-0.redis.svc.cluster.local', 6379],
  ['[::1]:7000', '::1', 7000],
  ['2001:db8::1:7000', '2001:db8::1', 7000],
  [':7000', 'here', 7000],
  ['?:7000', 'here', 7000],
])('%s is an address', (text, host, port) => {
  expect(parseServerAddress(text, 'here')).toEqual({ host, port })
})

test.each([
  '10.0.0.1:99999',
  '10.0.0.1:0',
  '10.0.0.1:-1',
  '10.0.0.1:6379x',
  '10.0.0.1',
  '10.0.0.256:6379',
  'a b:6379',
  'evil.test/path:80',
  '-x:6379',
  '',
  ':',
  ':7000',
])('%s is none', (text) => {
  expect(parseServerAddress(text)).toBeUndefined()
})
