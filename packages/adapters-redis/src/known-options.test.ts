import { canarySecret } from '@holdfast/lab/canary'
import { expect, test } from 'vitest'
import { refuseUnknownOptions } from './known-options.ts'

test.each([
  ['hots', "no option 'hots'; give host"],
  ['Host', 'give host'],
  ['passwrod', 'give password'],
  ['sentinel', 'give sentinels'],
  ['url', 'redisStore(new Redis(url))'],
  ['nodes', 'give cluster'],
  ['toString', 'options of ioredis'],
  ['zookeeperEnsemble', 'options of ioredis'],
])('the option %s is refused, with the one that was meant', (name, message) => {
  expect(() => refuseUnknownOptions({ [name]: canarySecret('option') })).toThrow(message)
  expect(() => refuseUnknownOptions({ [name]: canarySecret('option') })).not.toThrow(
    canarySecret('option'),
  )
})

test('options of ioredis and of this package are taken', () => {
  refuseUnknownOptions({
    host: 'a',
    db: 1,
    sentinels: [],
    name: 'm',
    maxLag: '1s',
    lazyConnect: true,
  })
})
