import { describe, expect, it } from 'vitest'
import type { Cache, LoaderContext, Store } from '../../src/index.ts'
import { wait } from '../../src/testing/conformance-case.ts'
import { held } from '../held.ts'
import { type Process, Processes, watched } from './processes.ts'

function pair(world: Processes, options: Parameters<Processes['start']>[0] = {}) {
  return [world.start(options), world.start(options)] as const
}

async function brought<T>(world: Processes, answer: Promise<T>): Promise<T> {
  await world.clock.advance(200)
  return answer
}

describe('a cold key', () => {
  it('is loaded once by four processes of five callers each, who all get the value', async () => {
    const world = new Processes()
    const all = [1, 2, 3, 4].map(() => world.start())
    const { load, runs } = held<string>()
    const answers = all.flatMap(({ cache }) => [1, 2, 3, 4, 5].map(() => cache.wrap('key', load)))
    await world.clock.advance(50)
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('value')
    await world.clock.advance(100)
    expect(await Promise.all(answers)).toEqual(answers.map(() => 'value'))
    expect(runs).toHaveLength(1)
    await world.close()
  })

  it('is woken for at once over the bus', async () => {
    const world = new Processes()
    const [one, two] = pair(world, { withBus: true })
    await world.clock.advance(10)
    const { load, runs } = held<string>()
    const first = one.cache.wrap('key', load)
    await world.rest()
    const second = watched(two.cache.wrap('key', load))
    await world.clock.advance(1_000)
    runs[0]?.resolve('value')
    await first
    await world.rest()
    expect(second.value).toBe('value')
    await world.close()
  })

  it('frees itself 1 s after the last sign of life of a holder that died', async () => {
    const world = new Processes()
    const [dead, alive] = pair(world)
    const { load, runs } = held<string>()
    void dead.cache.wrap('key', load, { loadTimeout: 60_000 }).catch(() => {})
    await world.clock.advance(600)
    // From here on nothing of it reaches the store.
    dead.store.play([{ kind: 'hang' }])
    const answer = watched(alive.cache.wrap('key', () => 'value'))
    await world.clock.advance(900)
    expect(answer.settled).toBe(false)
    await world.clock.advance(300)
    expect(answer.value).toBe('value')
    runs[0]?.resolve('late')
    await world.close()
  })

  it('does not wait for a second where only the answer to a claim was lost', async () => {
    const world = new Processes()
    const [loser, other] = pair(world, { memory: false })
    loser.store.play([{ kind: 'hang', applied: true, on: 'add', key: /:key$/ }])
    const alone = watched(loser.cache.wrap('key', () => 'alone'))
    await world.rest()
    // It stands in the store, and nobody loads under it.
    const waits = watched(other.cache.wrap('key', () => 'value'))
    await world.clock.advance(200)
    expect(alone.value).toBe('alone')
    expect(waits.settled).toBe(false)
    loser.store.heal()
    await world.clock.advance(300)
    expect(waits.value).toBe('value')
    expect(loser.far.tier.claims.size).toBe(0)
    await world.close()
    expect(world.clock.pendingTimers).toBe(0)
  })

  it.each([
    [false, 50 + 80],
    [true, 50],
  ])(
    'does not wait for a second where a living holder could not store what it brought (with a bus: %s)',
    async (withBus, extraMs) => {
      const world = new Processes()
      const [loser, other] = pair(world, { memory: false, withBus })
      await world.clock.advance(10)
      const { load, runs } = held<string>()
      const own = watched(loser.cache.wrap('key', load))
      await world.rest()
      const waits = watched(other.cache.wrap('key', () => 'value'))
      await world.clock.advance(100)
      loser.store.play([{ kind: 'hang', on: 'replace', nth: loser.store.calls('replace') + 1 }])
      runs[0]?.resolve('brought')
      // Its deadline has to pass; then the claim is deleted, soon, and whoever waits sees that.
      await world.clock.advance(200 + extraMs)
      expect(own.value).toBe('brought')
      expect(waits.value).toBe('value')
      await world.close()
    },
  )

  it('keeps its value in the memory of others where its holder could not store what it brought', async () => {
    const world = new Processes()
    const [loser, other] = pair(world, { withBus: true })
    await world.clock.advance(10)
    // The other process loaded it for itself, as the store did not answer it either.
    other.store.play([{ kind: 'reject', nth: { to: 2 }, on: ['get', 'getMany'] }])
    expect(await other.cache.wrap('key', () => 'memo')).toBe('memo')
    loser.store.play([{ kind: 'hang', on: 'replace', nth: loser.store.calls('replace') + 1 }])
    expect(
      await brought(
        world,
        loser.cache.wrap('key', () => 'brought'),
      ),
    ).toBe('brought')
    await world.clock.advance(500)
    expect(loser.far.tier.journal.size).toBe(0)
    expect(await other.cache.wrap('key', () => 'again')).toBe('memo')
    await world.close()
  })

  it('is taken at once by the process that asked for it and got no answer', async () => {
    const world = new Processes()
    const one = world.start({ memory: false })
    one.store.play([{ kind: 'reject', applied: true, on: 'add', key: /:key$/ }])
    expect(await one.cache.wrap('key', () => 'alone')).toBe('alone')
    one.store.play([])
    const { load, runs } = held<string>()
    const next = one.cache.wrap('key', load)
    await world.rest()
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('value')
    expect(await next).toBe('value')
    expect(await one.cache.get('key')).toBe('value')
    await world.close()
  })

  it('stays with a holder whose event loop blocks for 500 ms', async () => {
    const world = new Processes()
    const [holder, other] = pair(world)
    const { load, runs } = held<string>()
    const first = holder.cache.wrap('key', load)
    const second = other.cache.wrap('key', load)
    await world.clock.advance(300)
    // No beat for two of its intervals.
    holder.store.play([{ kind: 'hang', on: 'replace' }])
    await world.clock.advance(500)
    holder.store.heal()
    await world.clock.advance(400)
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('value')
    await world.clock.advance(100)
    expect(await Promise.all([first, second])).toEqual(['value', 'value'])
    await world.close()
  })

  it('stays with a holder whose signs of life take half a second, without their piling up', async () => {
    const world = new Processes()
    const patient = { resilience: { storeTimeout: '5s' } } as const
    const [holder, other] = pair(world, patient)
    const { load, runs } = held<string>()
    const first = holder.cache.wrap('key', load)
    const second = other.cache.wrap('key', load)
    await world.clock.advance(100)
    holder.store.play([{ kind: 'delay', ms: 400, on: 'replace' }])
    const before = holder.store.calls('replace')
    await world.clock.advance(4_000)
    expect(holder.store.calls('replace') - before).toBeLessThanOrEqual(8)
    expect(holder.store.calls('replace') - before).toBeGreaterThanOrEqual(7)
    expect(runs).toHaveLength(1)
    holder.store.play([])
    runs[0]?.resolve('value')
    await world.clock.advance(500)
    expect(await Promise.all([first, second])).toEqual(['value', 'value'])
    expect(runs).toHaveLength(1)
    await world.close()
  })

  it('takes nothing from a holder that slept, though nobody took the claim meanwhile', async () => {
    const world = new Processes()
    const [sleeper, other] = pair(world)
    const { load, runs } = held<string>()
    const first = sleeper.cache.wrap('key', load)
    await world.rest()
    sleeper.clock.jump(3_000)
    runs[0]?.resolve('from before the sleep')
    expect(await first).toBe('from before the sleep')
    await world.rest()
    expect(await other.cache.get('key')).toBeUndefined()
    expect(await sleeper.cache.get('key')).toBeUndefined()
    expect(sleeper.cache.stats().fenced).toBe(1)
    await world.close()
  })

  it('takes nothing from a holder that slept while another process loaded it', async () => {
    const world = new Processes()
    const [sleeper, other] = pair(world)
    const { load, runs } = held<string>()
    const first = sleeper.cache.wrap('key', load, { loadTimeout: 60_000 })
    await world.rest()
    sleeper.store.play([{ kind: 'hang' }])
    const answer = watched(other.cache.wrap('key', () => 'new'))
    await world.clock.advance(1_300)
    expect(answer.value).toBe('new')
    sleeper.store.heal()
    runs[0]?.resolve('old')
    await first
    await world.rest()
    expect(await other.cache.get('key')).toBe('new')
    await world.close()
  })

  it.each([
    ['an error', () => Promise.reject(new Error('broken'))],
    ['nothing', () => Promise.resolve(undefined)],
    ['a value that it does not want kept', (context: LoaderContext) => context.skip('skipped')],
  ])(
    'whose loader brings %s is tried at once by each process that waited, once',
    async (_name, end) => {
      const world = new Processes()
      const all = [1, 2, 3, 4].map(() => world.start())
      let finish = () => {}
      const gate = new Promise<void>((resolve) => {
        finish = resolve
      })
      let loads = 0
      const [holder, ...others] = all as [Process, ...Process[]]
      void holder.cache
        .wrap('key', async (context) => {
          await gate
          return end(context)
        })
        .catch(() => {})
      await world.rest()
      const answers = others.flatMap(({ cache }) =>
        [1, 2, 3].map(() =>
          watched(
            cache.wrap('key', () => {
              loads++
              return new Promise<string>((end) => world.clock.setTimeout(() => end('own'), 200))
            }),
          ),
        ),
      )
      await world.clock.advance(500)
      expect(loads).toBe(0)
      finish()
      await world.clock.advance(400)
      expect(answers.map(({ value }) => value)).toEqual(answers.map(() => 'own'))
      expect(loads).toBe(others.length)
      await world.close()
    },
  )

  it('is given back by a load whose callers have all left', async () => {
    const world = new Processes()
    const [one, two] = pair(world)
    const controller = new AbortController()
    const { load } = held<string>()
    const left = watched(one.cache.wrap('key', load, { signal: controller.signal }))
    await world.rest()
    controller.abort(new Error('left'))
    await world.rest()
    expect(left.error).toEqual(new Error('left'))
    expect(await two.cache.wrap('key', () => 'value')).toBe('value')
    expect(one.far.tier.claims.size).toBe(0)
    await world.close()
  })

  it('lets a caller leave while the store is being read', async () => {
    const world = new Processes()
    const { cache, store } = world.start()
    store.play([{ kind: 'hang' }])
    const controller = new AbortController()
    const { signal } = controller
    const one = watched(cache.wrap('key', () => 1, { signal }))
    const many = watched(cache.wrapMany(['key'], () => [1], { signal }))
    await world.rest()
    controller.abort(new Error('left'))
    await world.rest()
    expect([one.error, many.error]).toEqual([new Error('left'), new Error('left')])
    await world.close()
  })

  it('is free at loadTimeout, and what the loader brings later is dropped', async () => {
    const world = new Processes()
    const [one, two] = pair(world)
    const { load, runs } = held<string>()
    const timedOut = watched(one.cache.wrap('key', load, { loadTimeout: 300 }))
    await world.clock.advance(300)
    expect(timedOut.error).toMatchObject({ code: 'ERR_HOLDFAST_LOAD_TIMEOUT' })
    expect(await two.cache.wrap('key', () => 'value')).toBe('value')
    runs[0]?.resolve('late')
    await world.clock.advance(100)
    expect(await two.cache.get('key')).toBe('value')
    await world.close()
  })

  it('whose loader in another process never ends is left at the waiter’s own loadTimeout', async () => {
    const world = new Processes()
    const [one, two] = pair(world)
    void one.cache.wrap('key', held().load, { loadTimeout: 60_000 }).catch(() => {})
    await world.rest()
    const waiter = watched(two.cache.wrap('key', () => 'own', { loadTimeout: 2_000 }))
    await world.clock.advance(2_000)
    expect(waiter.error).toMatchObject({ code: 'ERR_HOLDFAST_LOAD_TIMEOUT' })
    await world.close()
  })
})

describe('a load under way in one process, whose key another process invalidates', () => {
  const invalidations: [string, (cache: Cache) => Promise<void>, string | undefined][] = [
    ['delete', (cache) => cache.delete('key'), undefined],
    ['expire', (cache) => cache.expire('key'), undefined],
    ['set', (cache) => cache.set('key', 'set'), 'set'],
    ['invalidateTags', (cache) => cache.invalidateTags(['tag']), undefined],
    [
      'invalidateTags of a tag that the loader names',
      (cache) => cache.invalidateTags(['late']),
      undefined,
    ],
    ['expireTags', (cache) => cache.expireTags(['tag']), undefined],
    ['expireTags of a tag that the loader names', (cache) => cache.expireTags(['late']), undefined],
    ['clear', (cache) => cache.clear(), undefined],
  ]
  it.each(invalidations)(
    'by %s, keeps its waiters and stores nothing',
    async (_name, act, after) => {
      for (const withBus of [false, true]) {
        const world = new Processes()
        const [loader, other] = pair(world, { withBus })
        await world.clock.advance(10)
        let end = () => {}
        const load = (context: LoaderContext) =>
          new Promise<string>((resolve) => {
            end = () => {
              context.setTags(['late'])
              resolve('old')
            }
          })
        const before = loader.cache.wrap('key', load, { tags: ['tag'] })
        await world.rest()
        await act(other.cache)
        await world.rest()
        const late = watched(loader.cache.wrap('key', () => 'new', { tags: ['tag'] }))
        await world.rest()
        end()
        expect(await before).toBe('old')
        await world.clock.advance(200)
        expect(late.value).toBe(after ?? 'new')
        expect(await other.cache.get('key')).toBe(after ?? 'new')
        expect(await loader.cache.get('key')).toBe(after ?? 'new')
        await world.close()
      }
    },
  )

  it.each<[string, (cache: Cache) => Promise<void>]>([
    ['delete', (cache) => cache.delete('key')],
    ['invalidateTags', (cache) => cache.invalidateTags(['tag'])],
    ['expireTags', (cache) => cache.expireTags(['tag'])],
  ])(
    'gives a caller who came later nothing of a result that is not kept: %s',
    async (_verb, act) => {
      const world = new Processes()
      const [loader, other] = pair(world)
      const { load, runs } = held<string>()
      const skipping = async (context: LoaderContext) => context.skip(await load())
      const options = { tags: ['tag'] }
      // The tag has a version by the time that somebody moves it.
      await other.cache.set('bystander', 1, options)
      const before = loader.cache.wrap('key', skipping, options)
      await world.rest()
      await act(other.cache)
      const late = loader.cache.wrap('key', skipping, options)
      await world.rest()
      runs[0]?.resolve('old')
      expect(await before).toBe('old')
      await world.clock.advance(100)
      runs[1]?.resolve('new')
      expect(await late).toBe('new')
      await world.close()
    },
  )

  it('gives nothing of a result that is not kept to a caller who comes while what it replaces is being removed', async () => {
    const world = new Processes()
    const [loader, other] = pair(world, { memory: false })
    await loader.cache.set('key', 'kept')
    const { load, runs } = held<string>()
    const unkept = async (context: LoaderContext) => {
      const value = await load()
      context.setTtl(0)
      return value
    }
    const before = watched(loader.cache.wrap('key', unkept, { refresh: true }))
    await world.rest()
    await other.cache.clear()
    loader.store.play([{ kind: 'delay', ms: 20 }])
    runs[0]?.resolve('old')
    await world.clock.advance(10)
    expect(before.settled).toBe(false)
    const late = watched(loader.cache.wrap('key', () => 'new', { refresh: true }))
    await world.clock.advance(200)
    expect([before.value, late.value]).toEqual(['old', 'new'])
    await world.close()
  })

  it('gives callers who came later the result that is not kept where nothing was invalidated: one load for all', async () => {
    const world = new Processes()
    const [loader] = pair(world)
    const { load, runs } = held<string>()
    const skipping = async (context: LoaderContext) => context.skip(await load())
    const before = loader.cache.wrap('key', skipping)
    await world.rest()
    const late = loader.cache.wrap('key', skipping)
    await world.rest()
    runs[0]?.resolve('value')
    await world.rest()
    expect(await Promise.all([before, late])).toEqual(['value', 'value'])
    expect(runs).toHaveLength(1)
    await world.close()
  })

  it('gives a caller who joined a read of the store the answer of a read that began after the call', async () => {
    const world = new Processes()
    const [waiter, other] = pair(world, { memory: false })
    const { load, runs } = held<string>()
    const loading = other.cache.wrap('key', load)
    await world.rest()
    const early = watched(waiter.cache.wrap('key', () => 'mine'))
    await world.rest()
    runs[0]?.resolve('old')
    await loading
    await world.rest()
    // The waiter reads the value, and its answer takes a while.
    const memory = waiter.store
    const real = memory.getMany?.bind(memory)
    let answer = () => {}
    memory.getMany = async (keys) => {
      const read = await real?.(keys)
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return read ?? []
    }
    await world.clock.advance(100)
    await other.cache.delete('key')
    const late = watched(waiter.cache.wrap('key', () => 'new'))
    await world.rest()
    if (real !== undefined) memory.getMany = real
    answer()
    await world.clock.advance(100)
    expect(early.value).toBe('old')
    expect(late.value).toBe('new')
    await world.close()
  })

  it('is not waited for by callers of the same process who come after it', async () => {
    const world = new Processes()
    const { cache } = world.start()
    const { load, runs } = held<string>()
    const before = cache.wrap('key', load)
    await world.rest()
    await cache.clear()
    const after = cache.wrap('key', load)
    await world.rest()
    expect(runs).toHaveLength(2)
    runs[1]?.resolve('new')
    expect(await after).toBe('new')
    await world.rest()
    runs[0]?.resolve('old')
    expect(await before).toBe('old')
    await world.rest()
    expect(await cache.get('key')).toBe('new')
    await world.close()
  })
})

describe('a stale key', () => {
  const life = { ttl: 1_000, staleWhileRevalidate: 60_000 }

  async function stale(world: Processes, count: number): Promise<Process[]> {
    const all = Array.from({ length: count }, () => world.start())
    await all[0]?.cache.wrap('key', () => 'old', life)
    await world.clock.advance(1_500)
    return all
  }

  it('is refreshed by one process of four, and nobody waits', async () => {
    const world = new Processes()
    const all = await stale(world, 4)
    const { load, runs } = held<string>()
    const answers = all.map(({ cache }) => watched(cache.wrap('key', load, life)))
    await world.rest()
    expect(answers.map(({ value }) => value)).toEqual(['old', 'old', 'old', 'old'])
    await world.clock.advance(700)
    for (const { cache } of all) expect(await cache.wrap('key', load, life)).toBe('old')
    await world.rest()
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('new')
    await world.clock.advance(300)
    for (const { cache } of all) expect(await cache.wrap('key', load, life)).toBe('new')
    expect(runs).toHaveLength(1)
    await world.close()
  })

  it('whose refresher died is refreshed by another one, which sees no sign of life for a second', async () => {
    const world = new Processes()
    const [dead, alive] = (await stale(world, 2)) as [Process, Process]
    await dead.cache.wrap('key', held().load, { ...life, loadTimeout: 60_000 })
    await world.rest()
    dead.store.play([{ kind: 'hang' }])
    const { load, runs } = held<string>()
    for (let waited = 0; waited < 1_000; waited += 250) {
      expect(await alive.cache.wrap('key', load, life)).toBe('old')
      await world.clock.advance(250)
    }
    expect(runs).toHaveLength(0)
    await world.clock.advance(250)
    expect(await alive.cache.wrap('key', load, life)).toBe('old')
    await world.rest()
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('new')
    await world.rest()
    expect(await alive.cache.get('key')).toBe('new')
    await world.close()
  })

  it('whose refresher died keeps a caller that wants a new value for little more than a second', async () => {
    const world = new Processes()
    const [dead, alive] = (await stale(world, 2)) as [Process, Process]
    await dead.cache.wrap('key', held().load, { ...life, loadTimeout: 60_000 })
    await world.rest()
    dead.store.play([{ kind: 'hang' }])
    const answer = watched(alive.cache.wrap('key', () => 'new', { ...life, refresh: true }))
    await world.clock.advance(1_200)
    expect(answer.value).toBe('new')
    await world.close()
  })

  it('whose refresh fails is tried again by another process, and its value stays', async () => {
    const world = new Processes()
    const [one, two] = (await stale(world, 2)) as [Process, Process]
    const failing = () => Promise.reject(new Error('broken'))
    expect(await one.cache.wrap('key', failing, life)).toBe('old')
    await world.rest()
    expect(await two.cache.wrap('key', () => 'new', life)).toBe('old')
    await world.rest()
    expect(await two.cache.get('key')).toBe('new')
    await world.close()
  })

  it('whose refresh finds nothing is gone', async () => {
    const world = new Processes()
    const [one, two] = (await stale(world, 2)) as [Process, Process]
    expect(await one.cache.wrap<string | undefined>('key', () => undefined, life)).toBe('old')
    await world.rest()
    expect(await two.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('keeps its value where the refresher slept, and the claim of whoever came after', async () => {
    const world = new Processes()
    const [sleeper, other, third] = (await stale(world, 3)) as [Process, Process, Process]
    const { load, runs } = held<string>()
    await sleeper.cache.wrap('key', load, { ...life, loadTimeout: 60_000 })
    await world.rest()
    sleeper.store.play([{ kind: 'hang' }])
    for (let waited = 0; waited < 1_500; waited += 250) {
      await other.cache.wrap('key', load, life)
      await world.clock.advance(250)
    }
    expect(runs).toHaveLength(2)
    sleeper.store.heal()
    runs[0]?.resolve('of the sleeper')
    await world.clock.advance(10)
    expect(await third.cache.wrap('key', load, life)).toBe('old')
    await world.rest()
    expect(runs).toHaveLength(2)
    runs[1]?.resolve('new')
    await world.rest()
    expect(await other.cache.get('key')).toBe('new')
    await world.close()
  })

  it('is not refreshed into a value from before an expire by another process', async () => {
    const world = new Processes()
    const [one, two] = (await stale(world, 2)) as [Process, Process]
    const { load, runs } = held<string>()
    await one.cache.wrap('key', load, life)
    await world.rest()
    await two.cache.expire('key')
    runs[0]?.resolve('from before the expire')
    await world.rest()
    expect(await two.cache.get('key')).toBe('old')
    await world.close()
  })

  it('is refreshed early by one process only, with the draw taken again from the store', async () => {
    const world = new Processes()
    const all = [1, 2, 3].map(() => world.start({ defaults: { earlyRefresh: 10 } }))
    const { load, runs } = held<string>()
    const first = all[0]?.cache.wrap('key', load, { ttl: 1_000 })
    await world.clock.advance(200)
    runs[0]?.resolve('old')
    await first
    await world.clock.advance(990)
    for (const { cache } of all) void cache.wrap('key', load, { ttl: 1_000 })
    await world.rest()
    for (const { cache } of all) void cache.wrap('key', load, { ttl: 1_000 })
    await world.rest()
    expect(runs).toHaveLength(2)
    runs[1]?.resolve('new')
    await world.rest()
    await world.clock.advance(300)
    for (const { cache } of all) expect(await cache.get('key')).toBe('new')
    await world.close()
  })
})

describe('tags that a loader names at its end', () => {
  it('are no way round an invalidation that is half done: the epoch is written before the version', async () => {
    const world = new Processes()
    const [loader, other] = pair(world, { memory: false })
    await other.cache.set('versioned', 1, { tags: ['late'] })
    const { load, runs } = held<string>()
    const before = loader.cache.wrap('key', async (context) => {
      const value = await load()
      context.setTags(['late'])
      return value
    })
    await world.rest()
    other.store.play([{ kind: 'delay', ms: 50, key: /%e/ }])
    const invalidated = other.cache.invalidateTags(['late'])
    await world.clock.advance(25)
    runs[0]?.resolve('old')
    expect(await before).toBe('old')
    await world.clock.advance(50)
    await invalidated
    other.store.play([])
    expect(await other.cache.get('key')).toBeUndefined()
    await world.close()
  })
})

describe('a forced refresh', () => {
  it('loads though the store has a fresh value, once for all who ask at the same time', async () => {
    const world = new Processes()
    const [one, two] = pair(world)
    await one.cache.wrap('key', () => 'old')
    await world.rest()
    const { load, runs } = held<string>()
    const answers = [one, one, two, two].map(({ cache }) =>
      cache.wrap('key', load, { refresh: true }),
    )
    await world.clock.advance(50)
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('new')
    await world.clock.advance(100)
    expect(await Promise.all(answers)).toEqual(['new', 'new', 'new', 'new'])
    expect(runs).toHaveLength(1)
    expect(await two.cache.get('key')).toBe('new')
    await world.close()
  })

  it('waits for whoever loads the key after it was deleted meanwhile', async () => {
    const world = new Processes()
    const all = [1, 2, 3].map(() => world.start({ memory: false }))
    const [refresher, waiter, third] = all as [Process, Process, Process]
    await refresher.cache.wrap('key', () => 'old')
    await world.rest()
    const { load, runs } = held<string>()
    void refresher.cache.wrap('key', load, { refresh: true })
    await world.rest()
    const waiting = watched(waiter.cache.wrap('key', load, { refresh: true }))
    await world.clock.advance(100)
    await third.cache.delete('key')
    void third.cache.wrap('key', load)
    await world.clock.advance(500)
    expect(runs).toHaveLength(2)
    runs[1]?.resolve('new')
    await world.clock.advance(100)
    expect(waiting.value).toBe('new')
    expect(runs).toHaveLength(2)
    runs[0]?.resolve('older')
    await world.close()
  })

  it('that joins one whose loader runs already starts no third one', async () => {
    const world = new Processes()
    const { cache } = world.start()
    const { load, runs } = held<string>()
    const first = cache.wrap('key', load, { refresh: true })
    await world.rest()
    const late = watched(cache.wrap('key', load, { refresh: true }))
    await world.rest()
    runs[0]?.resolve('new')
    await first
    await world.rest()
    expect(late.value).toBe('new')
    expect(runs).toHaveLength(1)
    await world.close()
  })
})

describe('wrapMany', () => {
  it('answers from the store, waits for what others load, and loads the rest in one call', async () => {
    const world = new Processes()
    const [one, two] = pair(world)
    await one.cache.set('stored', 1)
    const { load, runs } = held<number>()
    void one.cache.wrap('claimed', load)
    await world.rest()
    const asked: string[][] = []
    const answer = watched(
      two.cache.wrapMany<number>(['claimed', 'cold', 'stored', 'none'], (missing) => {
        asked.push(missing)
        return new Map([['cold', 3]])
      }),
    )
    await world.rest()
    expect(asked).toEqual([['cold', 'none']])
    expect(answer.settled).toBe(false)
    runs[0]?.resolve(2)
    await world.clock.advance(100)
    expect([...(answer.value ?? [])]).toEqual([
      ['claimed', 2],
      ['cold', 3],
      ['stored', 1],
    ])
    expect(asked).toHaveLength(1)
    await world.close()
  })

  it('loads a key itself whose holder failed, also where one load at a time is allowed', async () => {
    const world = new Processes()
    const one = world.start()
    const two = world.start({ resilience: { loadConcurrency: 1 } })
    const { load, runs } = held<number>()
    void one.cache.wrap('claimed', load).catch(() => {})
    await world.rest()
    const asked: string[][] = []
    const answer = watched(
      two.cache.wrapMany<string>(['claimed', 'cold'], (missing) => {
        asked.push(missing)
        return missing.map((key) => `own ${key}`)
      }),
    )
    await world.rest()
    runs[0]?.reject(new Error('broken'))
    await world.clock.advance(100)
    expect(asked).toEqual([['cold'], ['claimed']])
    expect([...(answer.value ?? [])]).toEqual([
      ['claimed', 'own claimed'],
      ['cold', 'own cold'],
    ])
    await world.close()
  })

  it('of a hundred cold keys stores them all, however long a round trip takes', async () => {
    const world = new Processes()
    const [one, two] = pair(world)
    one.store.play([{ kind: 'delay', ms: 20 }])
    const keys = Array.from({ length: 100 }, (_none, index) => `key ${index}`)
    const answer = watched(one.cache.wrapMany(keys, (missing) => missing.map(() => 'value')))
    await world.clock.advance(500)
    expect(answer.value?.size).toBe(100)
    expect((await two.cache.getMany(keys)).size).toBe(100)
    await world.close()
  })

  it('of a thousand cold keys claims as many as a slow store answers in time, and finds no fault with it', async () => {
    const world = new Processes()
    const [one, two] = pair(world, { memory: false })
    const opened: string[] = []
    one.cache.on('breaker', ({ state }) => opened.push(state))
    // A store that takes so many claims in a row, each group of them in 90 ms.
    one.store.play([{ kind: 'delay', ms: 90, on: 'add' }])
    const before = one.store.calls('add')
    const keys = Array.from({ length: 1_000 }, (_none, index) => `key ${index}`)
    const answer = watched(
      one.cache.wrapMany(keys, (missing) => missing.map(() => 'value'), { tags: ['tag'] }),
    )
    await world.clock.advance(180)
    await world.rest()
    expect(answer.value?.size).toBe(1_000)
    expect(opened).toEqual([])
    // Two groups within the 200 ms of `storeTimeout`; of the others nothing was sent, so nothing is to be withdrawn.
    expect([...(await two.cache.getMany(keys)).keys()]).toEqual(keys.slice(0, 512))
    expect(one.far.tier.claims.size).toBe(0)
    // The versions of the namespace and the tag are added once, not once for each key.
    expect(one.store.calls('add') - before).toBeLessThan(512 + 10)
    await world.close()
  })

  it('of a thousand cold keys stores what it claimed, over a store that takes a while for each, and keeps nobody waiting for it', async () => {
    const world = new Processes()
    let line: Promise<unknown> = Promise.resolve()
    let served = 0
    // One after the other, as a server works: a thousand at once would have the last of them wait for 250 ms.
    const inLine = (store: Store): Store => ({
      ...store,
      replace: (key, head, bytes, keep) => {
        if (++served % 4 === 0) line = line.then(() => wait(1, world.clock))
        return line.then(() => store.replace?.(key, head, bytes, keep) ?? false)
      },
    })
    const one = world.start({ memory: false, storeOf: inLine })
    const two = world.start({ memory: false })
    const opened: string[] = []
    one.cache.on('breaker', ({ state }) => opened.push(state))
    const keys = Array.from({ length: 1_000 }, (_none, index) => `key ${index}`)
    const { load, runs } = held<string[]>()
    const answer = watched(one.cache.wrapMany(keys, load))
    // Long enough for signs of life, which stand in the same line.
    await world.clock.advance(3_000)
    runs[0]?.resolve(keys.map(() => 'value'))
    await world.clock.advance(200)
    expect(answer.value?.size).toBe(1_000)
    await world.clock.advance(1_000)
    expect(opened).toEqual([])
    expect((await two.cache.getMany(keys)).size).toBe(1_000)
    expect(one.far.tier.claims.size).toBe(0)
    await world.close()
  })

  it('keeps its deadline for what others load', async () => {
    const world = new Processes()
    const [one, two] = pair(world)
    void one.cache.wrap('claimed', held().load, { loadTimeout: 60_000 }).catch(() => {})
    await world.rest()
    const answer = watched(
      two.cache.wrapMany(['claimed', 'cold'], (missing) => missing.map(() => 'own'), {
        loadTimeout: 1_500,
      }),
    )
    await world.clock.advance(1_500)
    expect(answer.error).toMatchObject({ code: 'ERR_HOLDFAST_LOAD_TIMEOUT' })
    await world.close()
  })
})
