import { expect, test } from 'vitest'
import { InvalidOptionError } from '../errors.ts'
import { isLoopback, isPublicAddress, refusePublicPlaintext } from './public-address.ts'

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.1.1',
  '100.64.0.1',
  '::1',
  'fd12::1',
  'fe80::1',
  '::ffff:10.0.0.1',
  'a.name.is.no.address',
])('%s may be spoken to in clear', (address) => {
  expect(isPublicAddress(address)).toBe(false)
  expect(() => refusePublicPlaintext(address, 'redis')).not.toThrow()
})

test.each([
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.0',
  '192.169.0.1',
  '100.63.255.255',
  '100.128.0.0',
  '11.0.0.1',
  '2001:4860:4860::8888',
  '::ffff:8.8.8.8',
])('%s is public and refused', (address) => {
  expect(isPublicAddress(address)).toBe(true)
  expect(() => refusePublicPlaintext(address, 'redis')).toThrow(
    new InvalidOptionError(
      `redis at the public address ${address} would be spoken to without encryption; set tls, or insecure: true to do it all the same`,
    ),
  )
})

test('only what is this machine for sure is loopback', () => {
  for (const host of [
    '127.0.0.1',
    '127.8.8.8',
    '::1',
    '::ffff:127.0.0.1',
    'localhost',
    'a.localhost',
  ])
    expect(isLoopback(host), host).toBe(true)
  for (const host of ['10.0.0.1', '0.0.0.0', 'memcached', 'localhost.example', 'notlocalhost'])
    expect(isLoopback(host), host).toBe(false)
})
