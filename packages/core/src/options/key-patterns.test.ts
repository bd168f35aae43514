import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../errors.ts'
import { defaultPolicy } from './entry-policy.ts'
import { compilePolicies, layerPolicies } from './key-patterns.ts'

const ttlOf = (patterns: Record<string, number>, key: string) =>
  compilePolicies(
    defaultPolicy,
    Object.fromEntries(Object.entries(patterns).map(([pattern, ttl]) => [pattern, { ttl }])),
  )(key).ttlMs

describe('policies by key pattern', () => {
  it.each<[string, string, boolean]>([
    ['a', 'a', true],
    ['a', 'ab', false],
    ['a', 'ba', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['*a', 'ab', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'axbxc', true],
    ['a*b*c', 'axcxb', false],
    ['a*bc*c', 'abc', false],
    ['a**b', 'ab', true],
    ['*b*', 'abc', true],
    ['api:products:*', 'api:products:42', true],
    ['a.b', 'axb', false],
  ])('%s and %s: %s', (pattern, key, matches) => {
    expect(ttlOf({ [pattern]: 7 }, key) === 7).toBe(matches)
  })

  it('match what the same regular expression matches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 8 })
    const key = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
    fc.assert(
      fc.property(text, key, (pattern, key) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
        expect(ttlOf({ [pattern]: 7 }, key) === 7).toBe(expression.test(key))
      }),
      { numRuns: 2_000 },
    )
  })

  it('are chosen by length, whatever their order', () => {
    expect(ttlOf({ '*': 1, 'a:*': 2, 'a:b:*': 3 }, 'a:b:c')).toBe(3)
    expect(ttlOf({ 'a:b:*': 3, 'a:*': 2, '*': 1 }, 'a:c')).toBe(2)
    expect(ttlOf({ 'a:b:*': 3 }, 'x')).toBe(defaultPolicy.ttlMs)
  })

  it('are refused where a pattern is empty or its options are wrong', () => {
    expect(() => ttlOf({ '': 1 }, 'a')).toThrow(/must not hold an empty pattern/)
    expect(() => ttlOf({ 'a*': -1 }, 'a')).toThrow(InvalidOptionError)
    expect(() => compilePolicies(defaultPolicy, { 'a*': { tll: 1 } as object })).toThrow(
      /policies\['a\*'\] has no option 'tll'/,
    )
  })
})

describe('options on top of policies', () => {
  const base = compilePolicies(defaultPolicy, { 'a*': { ttl: 1 } })

  it('win field by field over whichever policy a key has, and each is extended once', () => {
    const options = { jitter: 0 }
    const layered = layerPolicies(base, options, 'options')
    options.jitter = 0.5
    expect(layered('ab')).toMatchObject({ ttlMs: 1, jitter: 0 })
    expect(layered('b')).toMatchObject({ ttlMs: defaultPolicy.ttlMs, jitter: 0 })
    expect(layered('ab')).toBe(layered('ac'))
    expect(layerPolicies(base, undefined, 'options')).toBe(base)
  })

  it('are refused at once and not at the first key', () => {
    expect(() => layerPolicies(base, { tll: 1 } as object, 'here')).toThrow(/^here has no option/)
    expect(() => layerPolicies(base, 'x' as never, 'here')).toThrow(/^here must be an object/)
  })
})
