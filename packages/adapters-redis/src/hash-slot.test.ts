import fc from 'fast-check'
import { expect, test } from 'vitest'
import { slotOf, withHashTag, withoutHashTag } from './hash-slot.ts'

test('slots are those of the specification and of servers', () => {
  // The specification's own check value, and what CLUSTER KEYSLOT of Redis 7.0.15 answers.
  expect(slotOf('123456789')).toBe(0x31c3)
  expect(slotOf('foo')).toBe(12_182)
  expect(slotOf('')).toBe(0)
  expect(slotOf('user:1000')).toBe(1_649)
  expect(slotOf('{user:1000}.following')).toBe(1_649)
  expect(slotOf('foo{}{bar}')).toBe(8_363)
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'))
  expect(slotOf('grün')).toBe(slotOf('x{grün}y'))
})

test('no key can choose its slot', () => {
  const slots = new Set<number>()
  for (let index = 0; index < 100; index++) slots.add(slotOf(withoutHashTag(`{tag}${index}`)))
  expect(slots.size).toBeGreaterThan(90)
})

test('every key has a name of its own, and comes back from it', () => {
  expect(withoutHashTag('plain')).toBe('plain')
  expect(withoutHashTag('{}')).toBe('{}{}')
  const keys = fc.string({ unit: fc.constantFrom('{', '}', 'a', ':') })
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      expect(withHashTag(withoutHashTag(a))).toBe(a)
      expect(withoutHashTag(a) === withoutHashTag(b)).toBe(a === b)
    }),
  )
})
