import { expect, it } from 'vitest'
import { Entry, type EntryParts, goneAt } from './entry.ts'

const parts: EntryParts = {
  value: 'kept',
  kind: 'shareable',
  checkAt: 1_000,
  seq: 1,
  storedAt: 0,
  staleAt: 1_000,
  swrMs: 200,
  sieMs: 300,
  ageAt: undefined,
  loadMs: 0.4,
  marks: undefined,
  bytes: 400,
}

it('hands all hits from the second one on the same promise', async () => {
  const entry = new Entry(parts)
  const first = entry.promise
  const second = entry.promise
  expect(entry.promise).toBe(second)
  expect(await first).toBe('kept')
  expect(await second).toBe('kept')
})

it('tells a load of less than a millisecond from a value that was set', () => {
  expect(new Entry(parts).loadMs).toBe(1)
  expect(new Entry({ ...parts, loadMs: 0 }).loadMs).toBe(0)
})

it('is gone after the longer of its stale windows', () => {
  expect(goneAt(new Entry(parts))).toBe(1_300)
})

it('is gone at the age limit of the near tier, if that comes first', () => {
  expect(goneAt(new Entry({ ...parts, ageAt: 500 }))).toBe(500)
})
