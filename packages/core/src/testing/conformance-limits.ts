import { randomFillSync } from 'node:crypto'
import { rejectsTyped, sameBytes, text } from './conformance-case.ts'
import type { StoreCase, Trial } from './store-case.ts'

const minute = { ttlMs: 60_000 }
const eightMiB = 8 * 1024 * 1024
/** Beyond this a limit is not tried out: a test that moves gigabytes is not run. */
const triedUpToBytes = 32 * 1024 * 1024

const unlimited = (limit: number, what: string) =>
  limit === Number.POSITIVE_INFINITY ? `no limit of ${what} is declared` : undefined
const tooLargeToTry = (limit: number, what: string) =>
  unlimited(limit, what) ??
  (limit > triedUpToBytes
    ? `the declared limit of ${what} is beyond the ${triedUpToBytes} bytes that are tried`
    : undefined)

/** A key of this case with exactly so many bytes, two of them in one character where there is room. */
function keyOfBytes(trial: Trial, length: number, last: string): string {
  const start = Buffer.byteLength(trial.prefix) + 3 <= length ? `${trial.prefix}ä` : ''
  return start + 'k'.repeat(length - Buffer.byteLength(start) - 1) + last
}

/** Bytes that do not compress and do not repeat. */
const noise = (length: number): Uint8Array => randomFillSync(new Uint8Array(length))

export const limitCases: readonly StoreCase[] = [
  {
    name: 'stores a value of 8 MiB, or of the declared limit where that is less',
    async check({ store, key, capabilities }) {
      const bytes = noise(Math.min(eightMiB, capabilities.maxValueBytes))
      await store.set(key('large'), bytes, minute)
      sameBytes(await store.get(key('large')), bytes, 'get')
    },
  },
  {
    name: 'stores a value of exactly the declared limit',
    unless: (capabilities) => tooLargeToTry(capabilities.maxValueBytes, 'values'),
    async check({ store, key, capabilities }) {
      const bytes = noise(capabilities.maxValueBytes)
      await store.set(key('largest'), bytes, minute)
      sameBytes(await store.get(key('largest')), bytes, 'get')
    },
  },
  {
    name: 'refuses a value over the limit with a typed error, stores nothing, and keeps the old value unless it evicts',
    unless: (capabilities) => tooLargeToTry(capabilities.maxValueBytes, 'values'),
    async check({ store, key, capabilities }) {
      const bytes = noise(capabilities.maxValueBytes + 1)
      await rejectsTyped(() => store.set(key('a'), bytes, minute), ['too-large'], 'set')
      sameBytes(await store.get(key('a')), undefined, 'get after a refused set')
      await store.set(key('old'), text('old'), minute)
      await rejectsTyped(() => store.set(key('old'), bytes, minute), ['too-large'], 'overwrite')
      const left = await store.get(key('old'))
      if (capabilities.evicts !== true || left !== undefined) {
        sameBytes(left, text('old'), 'get after a refused overwrite')
      }
    },
  },
  {
    name: 'refuses a value over the limit in add, replace and setMany too',
    unless: (capabilities) => tooLargeToTry(capabilities.maxValueBytes, 'values'),
    needs: ['add', 'replace', 'setMany'],
    async check({ store, key, capabilities }) {
      const bytes = noise(capabilities.maxValueBytes + 1)
      await rejectsTyped(() => store.add!(key('a'), bytes, minute), ['too-large'], 'add')
      await rejectsTyped(
        () => store.setMany!([{ key: key('a'), bytes, ttlMs: 60_000 }]),
        ['too-large'],
        'setMany',
      )
      sameBytes(await store.get(key('a')), undefined, 'get')
      await store.set(key('old'), new Uint8Array(17), minute)
      await rejectsTyped(
        () => store.replace!(key('old'), new Uint8Array(17), bytes, minute),
        ['too-large'],
        'replace',
      )
    },
  },
  {
    name: 'takes keys of exactly the declared limit and tells them apart by their last byte',
    unless: (capabilities) => tooLargeToTry(capabilities.maxKeyBytes, 'keys'),
    async check(trial) {
      const { store } = trial
      const one = keyOfBytes(trial, trial.capabilities.maxKeyBytes, '1')
      const two = keyOfBytes(trial, trial.capabilities.maxKeyBytes, '2')
      await store.set(one, text('one'), minute)
      await store.set(two, text('two'), minute)
      sameBytes(await store.get(one), text('one'), 'the first')
      sameBytes(await store.get(two), text('two'), 'the second')
      await store.delete(one)
      sameBytes(await store.get(one), undefined, 'the first, deleted')
      sameBytes(await store.get(two), text('two'), 'the second, after the delete of the first')
      await store.delete(two)
    },
  },
  {
    name: 'refuses a key over the limit with a typed error, in every operation, and stores nothing under a shorter one',
    unless: (capabilities) => tooLargeToTry(capabilities.maxKeyBytes, 'keys'),
    async check(trial) {
      const { store } = trial
      const limit = trial.capabilities.maxKeyBytes
      const tooLong = keyOfBytes(trial, limit + 1, 'x')
      const cut = tooLong.slice(0, -1)
      const refused = ['invalid-key', 'KeyError']
      await rejectsTyped(() => store.get(tooLong), refused, 'get')
      await rejectsTyped(() => store.set(tooLong, text('1'), minute), refused, 'set')
      await rejectsTyped(() => store.delete(tooLong), refused, 'delete')
      if (store.add) {
        await rejectsTyped(() => store.add!(tooLong, text('1'), minute), refused, 'add')
      }
      if (store.replace) {
        await rejectsTyped(
          () => store.replace!(tooLong, text('1'), text('2'), minute),
          refused,
          'replace',
        )
      }
      if (store.touch) {
        await rejectsTyped(() => store.touch!(tooLong, minute), refused, 'touch')
      }
      if (store.getMany) {
        await rejectsTyped(() => store.getMany!([tooLong]), refused, 'getMany')
      }
      if (store.setMany) {
        const entry = { key: tooLong, bytes: text('1'), ttlMs: 60_000 }
        await rejectsTyped(() => store.setMany!([entry]), refused, 'setMany')
      }
      if (store.deleteMany) {
        await rejectsTyped(() => store.deleteMany!([tooLong]), refused, 'deleteMany')
      }
      sameBytes(await store.get(cut), undefined, 'the key cut at the limit')
    },
  },
]
