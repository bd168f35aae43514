import { expect, test } from 'vitest'
import { MissedDeletes } from './missed-deletes.ts'

test('a key counts once, and is refused when there is no room for one more', () => {
  const missed = new MissedDeletes(2)
  expect(missed.note('a')).toBe(true)
  expect(missed.note('a')).toBe(true)
  expect(missed.note('b')).toBe(true)
  expect(missed.note('c')).toBe(false)
  expect(missed.note('a')).toBe(true)
  expect(missed.size).toBe(2)
  expect(missed.has('c')).toBe(false)
})

test('what is noted again while it is made up for stays', () => {
  const missed = new MissedDeletes(10)
  missed.note('a')
  missed.note('b')
  const { keys, done } = missed.take(10)
  expect(keys).toEqual(['a', 'b'])
  missed.note('a')
  done()
  expect(missed.has('a')).toBe(true)
  expect(missed.has('b')).toBe(false)
})

test('only as many are taken as asked for', () => {
  const missed = new MissedDeletes(10)
  for (const key of 'abcde') missed.note(key)
  missed.take(3).done()
  expect(missed.size).toBe(2)
})
