import { describe, expect, it } from 'vitest'
import { InvalidationError, StoreError } from '../../src/errors.ts'
import type { Store } from '../../src/index.ts'
import { type Process, Processes, watched } from './processes.ts'

/** An operation that is on its way to the store. */
interface Sent {
  readonly operation: string
  arrive(): void
  fail(): void
}

/** Two processes of which the first has a way to the store where each operation waits until it is let through. */
async function world() {
  const world = new Processes()
  const sent: Sent[] = []
  const gate = { isHeld: false }
  const passing =
    (operation: string, run: (...args: never[]) => Promise<unknown>) =>
    async (...args: never[]) => {
      if (gate.isHeld)
        await new Promise<void>((arrive, reject) =>
          sent.push({
            operation,
            arrive,
            fail: () =>
              reject(new StoreError('refused', { kind: 'unavailable', store: 'held', operation })),
          }),
        )
      return run(...args)
    }
  const storeOf = (store: Store): Store => {
    const operations = ['get', 'getMany', 'set', 'setMany', 'delete', 'deleteMany'] as const
    const held = operations.map((name) => [name, passing(name, store[name] as never)])
    return { ...store, ...Object.fromEntries(held) }
  }
  const one = world.start({ memory: false, storeOf })
  const other = world.start({ memory: false })
  await one.cache.set('key', 'old')
  await one.cache.set('second', 'old')
  gate.isHeld = true
  const next = async (act: 'arrive' | 'fail', operation: RegExp) => {
    await world.rest()
    const index = sent.findIndex((some) => operation.test(some.operation))
    expect(index, `no ${operation} among ${sent.map((some) => some.operation)}`).not.toBe(-1)
    sent.splice(index, 1)[0]?.[act]()
    await world.rest()
  }
  return {
    world,
    one,
    other,
    sent,
    arrive: (operation: RegExp) => next('arrive', operation),
    fail: (operation: RegExp) => next('fail', operation),
    /** From here on nothing is held. */
    release() {
      gate.isHeld = false
      for (const some of sent.splice(0)) some.arrive()
    },
  }
}

const setters: readonly [string, (process: Process, value: string) => Promise<void>][] = [
  ['set', ({ cache }, value) => cache.set('key', value)],
  ['setMany', ({ cache }, value) => cache.setMany([['key', value]])],
]

describe.each(setters)('a %s that is overtaken before it has been sent', (_name, set) => {
  it('by another one ends when that has reached the store, and not before', async () => {
    const { world: all, one, other, sent, arrive, release } = await world()
    const first = watched(set(one, 'first'))
    await all.rest()
    const later = watched(set(one, 'later'))
    await arrive(/get/)
    expect(first.settled).toBe(false)
    await arrive(/get/)
    expect(sent.map(({ operation }) => operation)).toEqual(['set'])
    expect(first.settled).toBe(false)
    expect(await other.cache.get('key')).toBe('old')
    await arrive(/set/)
    expect([first.settled, first.error]).toEqual([true, undefined])
    expect([later.settled, later.error]).toEqual([true, undefined])
    expect(await other.cache.get('key')).toBe('later')
    release()
    await all.close()
  })

  it('by a delete ends when that has reached the store, and not before', async () => {
    const { world: all, one, other, sent, arrive, release } = await world()
    const first = watched(set(one, 'first'))
    await all.rest()
    const deletion = watched(one.cache.delete('key'))
    await arrive(/get/)
    expect(sent.map(({ operation }) => operation)).toEqual(['delete'])
    expect(first.settled).toBe(false)
    expect(await other.cache.get('key')).toBe('old')
    await arrive(/delete/)
    expect([first.settled, first.error]).toEqual([true, undefined])
    expect([deletion.settled, deletion.error]).toEqual([true, undefined])
    expect(await other.cache.get('key')).toBeUndefined()
    release()
    await all.close()
  })

  it.each(['set', 'delete'] as const)(
    'by a %s that fails rejects as well, and what stood there is made up for',
    async (by) => {
      const { world: all, one, other, arrive, fail, release } = await world()
      const first = watched(set(one, 'first'))
      await all.rest()
      const later = watched(by === 'set' ? set(one, 'later') : one.cache.delete('key'))
      await arrive(/get/)
      if (by === 'set') await arrive(/get/)
      await fail(new RegExp(by))
      expect(later.error).toBeInstanceOf(InvalidationError)
      expect(first.error).toBeInstanceOf(InvalidationError)
      release()
      expect(await one.cache.get('key')).toBeUndefined()
      await all.clock.advance(1_000)
      expect(await other.cache.get('key')).toBeUndefined()
      expect(one.far.tier.journal.size).toBe(0)
      await all.close()
    },
  )

  it('by a later one that is sent first is not sent after it', async () => {
    const { world: all, one, other, sent, arrive, release } = await world()
    const first = watched(set(one, 'first'))
    await all.rest()
    const [read] = sent.splice(0)
    const later = watched(set(one, 'later'))
    await arrive(/get/)
    await arrive(/set/)
    expect([later.settled, first.settled]).toEqual([true, false])
    read?.arrive()
    await all.rest()
    expect([first.settled, first.error]).toEqual([true, undefined])
    expect(sent).toEqual([])
    expect(await other.cache.get('key')).toBe('later')
    release()
    await all.close()
  })

  it('waits for whoever overtook it no longer than its 200 ms', async () => {
    const { world: all, one, other, arrive, release } = await world()
    const first = watched(set(one, 'first'))
    await all.clock.advance(150)
    const later = watched(set(one, 'later'))
    await arrive(/get/)
    await all.clock.advance(49)
    expect(first.settled).toBe(false)
    await all.clock.advance(1)
    expect(first.error).toBeInstanceOf(InvalidationError)
    expect(later.settled).toBe(false)
    release()
    await all.rest()
    expect([later.settled, later.error]).toEqual([true, undefined])
    expect(await other.cache.get('key')).toBe('later')
    expect(one.far.tier.journal.size).toBe(0)
    await all.close()
  })
})

describe('writes of one key that follow each other without a pause', () => {
  it('reach the store every second time at the least, and each of them ends', async () => {
    const { world: all, one, other, sent, arrive, release } = await world()
    const sets = []
    const seen = new Set<unknown>()
    for (let turn = 0; turn < 12; turn++) {
      // The next one begins before the one before has read its versions.
      sets.push(watched(one.cache.set('key', turn)))
      if (turn > 0) await arrive(/get/)
      while (sent.some(({ operation }) => operation === 'set')) await arrive(/set/)
      seen.add(await other.cache.get('key'))
    }
    expect(seen.size).toBeGreaterThanOrEqual(6)
    expect(sets.slice(0, 10).map(({ settled, error }) => [settled, error])).toEqual(
      sets.slice(0, 10).map(() => [true, undefined]),
    )
    release()
    await all.rest()
    expect(sets.every(({ settled, error }) => settled && error === undefined)).toBe(true)
    expect(await other.cache.get('key')).toBe(11)
    await all.close()
  })

  it('do not store anything after a delete, though one of them relies on another', async () => {
    const { world: all, one, other, sent, arrive, release } = await world()
    const sets = [watched(one.cache.set('key', 1))]
    await all.rest()
    sets.push(watched(one.cache.set('key', 2)))
    await arrive(/get/)
    sets.push(watched(one.cache.set('key', 3)))
    const deletion = watched(one.cache.delete('key'))
    await arrive(/delete/)
    await arrive(/get/)
    await arrive(/get/)
    expect(sent).toEqual([])
    expect([...sets, deletion].map(({ settled, error }) => [settled, error])).toEqual(
      [...sets, deletion].map(() => [true, undefined]),
    )
    expect(await other.cache.get('key')).toBeUndefined()
    release()
    await all.close()
  })
})

describe('setMany', () => {
  it('that is overtaken in one key stores the others and ends when that one has been stored', async () => {
    const { world: all, one, other, arrive, release } = await world()
    const first = watched(
      one.cache.setMany([
        ['key', 'first'],
        ['second', 'first'],
      ]),
    )
    await all.rest()
    const later = watched(one.cache.set('key', 'later'))
    await arrive(/get/)
    await arrive(/set/)
    expect(first.settled).toBe(false)
    expect(await other.cache.get('second')).toBe('first')
    await arrive(/get/)
    await arrive(/set/)
    expect([first, later].map(({ settled, error }) => [settled, error])).toEqual([
      [true, undefined],
      [true, undefined],
    ])
    expect(await other.cache.get('key')).toBe('later')
    release()
    await all.close()
  })

  it('of a key that is named twice keeps the last value and does not wait for itself', async () => {
    const { world: all, one, other, release } = await world()
    const both = watched(
      one.cache.setMany([
        ['key', 'first'],
        ['key', 'last'],
      ]),
    )
    release()
    await all.rest()
    expect([both.settled, both.error]).toEqual([true, undefined])
    expect(await other.cache.get('key')).toBe('last')
    await all.close()
  })

  it('of the same keys in different orders do not wait for each other', async () => {
    const { world: all, one, other, release } = await world()
    const calls = Array.from({ length: 6 }, (_none, index) =>
      watched(
        one.cache.setMany(
          (index % 2 === 0 ? ['key', 'second'] : ['second', 'key']).map((key) => [key, index]),
        ),
      ),
    )
    release()
    await all.rest()
    await all.rest()
    expect(calls.every(({ settled, error }) => settled && error === undefined)).toBe(true)
    expect([...(await other.cache.getMany(['key', 'second'])).values()]).toEqual([5, 5])
    await all.close()
    expect(all.clock.pendingTimers).toBe(0)
  })
})
