import { expect, test } from 'vitest'
import { Journal, type Told } from './journal.ts'

const deleted: Told = { type: 'keys', path: [], keys: ['key'], expire: false }
const loaded: Told = { type: 'done', path: [], key: 'key' }

test.each([
  [[deleted, loaded], deleted],
  [[loaded, deleted], deleted],
  [[loaded, loaded], loaded],
])(
  'a key that was deleted is told of as deleted, whatever became of a load of it',
  (noted, told) => {
    const journal = new Journal(10)
    for (const each of noted) journal.noteDelete('key', each)
    expect(journal.take().told).toEqual([told])
  },
)
