import { InvalidOptionError } from '@holdfast/core'
import { expect, test } from 'vitest'
import { isPublicAddress, refusePublicPlaintext } from './address-policy.ts'

test.each([
  '127.0.0.1',
  '127.8.8.8',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.1.1',
  '100.64.0.1',
  '::1',
  'fd12::1',
  'fe80::1',
  '::ffff:10.0.0.1',
  'a.name.is.no.address',
])('%s is nearby', (address) => {
  expect(isPublicAddress(address)).toBe(false)
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
])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true)
  expect(() => refusePublicPlaintext(address)).toThrow(InvalidOptionError)
})
