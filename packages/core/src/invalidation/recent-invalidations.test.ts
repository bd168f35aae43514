import { expect, test } from 'vitest'
import { RecentInvalidations } from './recent-invalidations.ts'

const gone = (key: string, isSet = false) => ({ key, told: undefined, version: undefined, isSet })
const keysOf = (recent: RecentInvalidations<never>, now: number) =>
  recent.lastMinute(now).all.map(({ key }) => key)

test('what was acknowledged within the last minute is known, each key once', () => {
  const recent = new RecentInvalidations<never>(10)
  recent.note(gone('a'), 0)
  recent.note(gone('b'), 1_000)
  recent.note(gone('a'), 2_000)
  expect(keysOf(recent, 60_000)).toEqual(['b', 'a'])
  expect(keysOf(recent, 61_001)).toEqual(['a'])
  expect(keysOf(recent, 62_001)).toEqual([])
})

test('it never remembers more than it may, and forgets what is over', () => {
  const recent = new RecentInvalidations<never>(10)
  for (let index = 0; index < 100; index++) recent.note(gone(`k${index}`), index)
  expect(recent.size).toBe(10)
  recent.note(gone('later'), 100_000)
  expect(recent.size).toBe(1)
})

test('it knows that it forgot a delete, for as long as that matters', () => {
  const recent = new RecentInvalidations<never>(1)
  recent.note(gone('a'), 0)
  expect(recent.lastMinute(0).isWhole).toBe(true)
  recent.note(gone('b'), 10)
  expect(recent.lastMinute(60_000).isWhole).toBe(false)
  expect(recent.lastMinute(60_001).isWhole).toBe(true)
})

test('a set makes room without a trace, unless it came after a delete of its key', () => {
  const recent = new RecentInvalidations<never>(1)
  recent.note(gone('a', true), 0)
  recent.note(gone('b', true), 10)
  expect(recent.lastMinute(20).isWhole).toBe(true)
  recent.note(gone('c'), 20)
  recent.note(gone('c', true), 30)
  recent.note(gone('d', true), 40)
  expect(recent.lastMinute(50).isWhole).toBe(false)
})
