import { CodecError, createCache } from '@holdfast/core'
import { beforeEach, expect, expectTypeOf, test } from 'vitest'
import { slowDirectory } from './directory.ts'
import { defineProfile, type Profile } from './profiles.ts'

let cache: ReturnType<typeof createCache>
let directory: ReturnType<typeof slowDirectory>
let profile: ReturnType<typeof defineProfile>

beforeEach(() => {
  cache = createCache()
  directory = slowDirectory()
  profile = defineProfile(cache, directory)
  return () => cache.close()
})

const ada: Profile = { login: 'ada', name: 'Ada', team: 'engines', joined: '2024-12-10' }

test('arguments and result are typed as the loader is', () => {
  expectTypeOf(profile).parameters.toEqualTypeOf<[org: string, login: string]>()
  expectTypeOf(profile).returns.resolves.toEqualTypeOf<Profile>()
  expectTypeOf(profile.peek).returns.toEqualTypeOf<Profile | undefined>()
})

test('it loads once, and once for all who ask at the same time', async () => {
  const answers = await Promise.all([profile('acme', 'ada'), profile('acme', 'ada')])
  expect(answers).toEqual([ada, ada])
  expect(await profile('acme', 'ada')).toEqual(ada)
  expect(directory.calls).toBe(1)
})

test('many takes what is kept and loads the rest, in the order asked', async () => {
  await profile('acme', 'ada')
  const both = await profile.many([
    ['acme', 'grace'],
    ['acme', 'ada'],
  ])
  expect(both.map(({ login }) => login)).toEqual(['grace', 'ada'])
  expect(directory.calls).toBe(2)
})

test('keys are readable, tell arguments apart, and carry the version', () => {
  expect(profile.key('acme', 'ada')).toBe('profile:@1:acme,ada')
  expect(profile.key('a', 'b,c')).not.toBe(profile.key('a,b', 'c'))
})

test('set replaces, delete forgets, peek never loads', async () => {
  expect(profile.peek('acme', 'ada')).toBeUndefined()
  await profile.set(['acme', 'ada'], { ...ada, team: 'notes' })
  expect(profile.peek('acme', 'ada')?.team).toBe('notes')
  await profile.delete('acme', 'ada')
  expect(profile.peek('acme', 'ada')).toBeUndefined()
  expect(directory.calls).toBe(0)
  expect((await profile('acme', 'ada')).team).toBe('engines')
})

test('with changes the options of one call', async () => {
  await profile('acme', 'ada')
  await profile.with({ refresh: true })('acme', 'ada')
  expect(directory.calls).toBe(2)
})

test('a tag invalidates every profile of an organisation', async () => {
  await profile.many([
    ['acme', 'ada'],
    ['acme', 'grace'],
  ])
  await cache.invalidateTags(['org:acme'])
  expect(profile.peek('acme', 'ada')).toBeUndefined()
  expect(profile.peek('acme', 'grace')).toBeUndefined()
})

test('what does not fit the schema is refused and not kept', async () => {
  await expect(profile('acme', 'bob')).rejects.toThrow(CodecError)
  await expect(profile('acme', 'bob')).rejects.toThrow('joined')
  expect(directory.calls).toBe(2)
})
