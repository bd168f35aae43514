import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { Fence, Scope } from '../src/invalidation/scope.ts'
import { apiKey } from '../src/keys/api-key.ts'
import { argumentsKey } from '../src/keys/argument-key.ts'
import { createRing } from '../src/sharding/ring.ts'
import type { RingOptions } from '../src/sharding/ring-options.ts'
import {
  fittingKey,
  namespaceVersionKey,
  refreshClaimKey,
  storeKey,
  tagEpochKey,
  tagVersionKey,
} from '../src/tiers/store-keys.ts'

/**
 * Where a key lies is a promise to everybody's stored data: a release that moves it makes every cache cold. So it is
 * written down here, and nobody may write it anew without a major version. Rings that follow other systems are held to
 * vectors of these systems (sharding-vectors.test.ts).
 */

const servers = ['cache-a', 'cache-b', 'cache-c', 'cache-d', 'cache-e'].map((name) => ({ name }))
const weighted = servers.map((server, index) => ({ ...server, weight: index + 1 }))

/** Which of the servers has each of 20,000 keys, as one number; a single key that moves changes it. */
function map(options: RingOptions): string {
  const ring = createRing(options)
  const owners = Array.from({ length: 20_000 }, (_, index) => ring.locate(`user:${index}:ü`))
  return createHash('sha256').update(owners.join()).digest('hex').slice(0, 16)
}

test.for([
  ['the default', { servers }, '03a0d5e752c39da3'],
  ['with weights', { servers: weighted }, '1649de5f3d203094'],
  ['with a secret', { servers, seed: 'a secret' }, '122804c96aeac856'],
  ['with a part of the key', { servers, hashTag: '::' }, '40ee3af4524dfe6b'],
  ['of one server less', { servers: servers.slice(1) }, '5789a126a8530da6'],
  ['of rendezvous', { servers, distribution: 'rendezvous' }, 'a02e334f7b5b1722'],
  ['of ketama', { servers, distribution: 'ketama' }, '4ada07c7b938bf14'],
  ['of modula', { servers, distribution: 'modula' }, 'edc7522a1401c5da'],
] as const)('20,000 keys are where they were: %s', ([, options, is]) => {
  expect(map(options)).toBe(is)
})

test('some keys of the default ring, one by one', () => {
  const ring = createRing({ servers })
  const keys = ['user:1', 'user:2', 'session:9f86d0', 'api:products:list:a1b2', '', 'ü']
  expect(keys.map((key) => ring.locate(key))).toEqual([
    'cache-c',
    'cache-a',
    'cache-c',
    'cache-d',
    'cache-d',
    'cache-e',
  ])
})

test('entries, versions and claims are under the keys where they were', () => {
  const root = new Scope(new Fence(), undefined, 'shop:1')
  const inside = root.child('eu/de').child('x')
  const keysOf = (scope: Scope) => [
    storeKey(scope, 'user:7'),
    storeKey(scope, '/status'),
    namespaceVersionKey(scope),
    tagEpochKey(scope),
    tagVersionKey(scope, 'prices'),
    refreshClaimKey(scope, 'user:7'),
  ]
  expect(keysOf(root)).toEqual([
    'shop%3A1:user:7',
    'shop%3A1://status',
    'shop%3A1:/%n',
    'shop%3A1:/%e',
    'shop%3A1:/%t/prices',
    'shop%3A1:/%r/user:7',
  ])
  expect(keysOf(inside)).toEqual([
    'shop%3A1:/eu%2Fde//x/user:7',
    'shop%3A1:/eu%2Fde//x///status',
    'shop%3A1:/eu%2Fde//x//%n',
    'shop%3A1:/eu%2Fde//x//%e',
    'shop%3A1:/eu%2Fde//x//%t/prices',
    'shop%3A1:/eu%2Fde//x//%r/user:7',
  ])
  expect(fittingKey('k'.repeat(300), 250)).toBe('/%h/F7FtjvSUBg_vo2pqQVZ7jDLSE6F-ArfuroYVjMRJVGE')
})

test('keys that are built of arguments are what they were', () => {
  const built = [
    apiKey('products', 'list', { page: 2, sort: 'name' }),
    argumentsKey('user', [42, 'a,b', { b: 1, a: [null, undefined, 1n] }, new Date(0)]),
    argumentsKey('user', ['long'.repeat(200)]),
  ]
  expect(built).toEqual([
    'api:products:list:f0f207590e7ef4424198256a7166b35234945f3f',
    'user:42,"a,b",(a:[null,undefined,1n],b:1),Date(1970-01-01T00:00:00.000Z)',
    'user:#aVC3djiyr191QnbxAS-2UVP2tlraRnqK',
  ])
})
