import { expect, it } from 'vitest'
import { Processes, type ProcessOptions } from './processes.ts'

/* Without a tier in memory, a fresh value goes straight to whoever wants no more than that. */

function world(options: ProcessOptions = {}) {
  const processes = new Processes()
  const process = processes.start({ memory: false, ...options })
  return { processes, process, cache: process.cache, clock: processes.clock }
}

const never = () => {
  throw new Error('there was no reason to load')
}

it('callers of one turn who share a read get a value that none of them can change for another', async () => {
  const { processes, cache } = world()
  await cache.set('plain', { name: 'a' })
  await cache.set('dated', { at: new Date(7) })
  const [one, two] = await Promise.all([cache.wrap('plain', never), cache.wrap('plain', never)])
  expect(Object.isFrozen(one)).toBe(true)
  expect(two).toEqual({ name: 'a' })
  const dated = await Promise.all([
    cache.wrap<{ at: Date }>('dated', never),
    cache.wrap<{ at: Date }>('dated', never),
  ])
  dated[0].at.setTime(0)
  expect(dated[1]).toEqual({ at: new Date(7) })
  await processes.close()
})

it('whoever asks for a refresh gets one, also where another caller of the turn wants no more than what is there', async () => {
  const { processes, cache, clock } = world()
  await cache.set('key', 'old', { ttl: 60_000 })
  for (const order of [
    [false, true],
    [true, false],
  ]) {
    await cache.set('key', 'old', { ttl: 60_000 })
    const all = order.map((refresh) => cache.wrap('key', () => 'new', { refresh }))
    await clock.advance(100)
    expect(await all[order.indexOf(true)]).toBe('new')
    expect(['old', 'new']).toContain(await all[order.indexOf(false)])
  }
  await processes.close()
})

it('an early refresh is drawn in the last tenth of a life, and not before', async () => {
  const policy = { ttl: 10_000, earlyRefresh: 1_000_000 }
  const { processes, cache, clock } = world({ defaults: policy })
  let loads = 0
  const load = async () => {
    loads++
    await new Promise<void>((done) => void clock.setTimeout(done, 100))
    return loads
  }
  const first = cache.wrap('key', load, policy)
  await clock.advance(150)
  expect(await first).toBe(1)
  await clock.advance(8_700)
  expect(await cache.wrap('key', load, policy)).toBe(1)
  await clock.advance(200)
  expect(loads).toBe(1)
  await clock.advance(500)
  expect(await cache.wrap('key', load, policy)).toBe(1)
  await clock.advance(200)
  expect(loads).toBe(2)
  await processes.close()
})

it('a value that is stale, gone or of another version goes the long way', async () => {
  const { processes, cache, clock } = world()
  const policy = { ttl: 1_000, staleWhileRevalidate: 1_000 }
  await cache.set('stale', 1, policy)
  await cache.set('gone', 1, { ttl: 500 })
  await cache.set('tagged', 1, { tags: ['t'] })
  await clock.advance(1_200)
  expect(await cache.wrap('stale', () => 2, policy)).toBe(1)
  expect(await cache.wrap('gone', () => 2)).toBe(2)
  expect(await cache.wrap('tagged', never, { tags: ['t'] })).toBe(1)
  await cache.invalidateTags(['t'])
  expect(await cache.wrap('tagged', () => 2, { tags: ['t'] })).toBe(2)
  await cache.clear()
  expect(await cache.wrap('tagged', () => 3, { tags: ['t'] })).toBe(3)
  await processes.close()
})

it('whoever listens is told how long each call took, also of calls of one turn that was long', async () => {
  const { processes, process, cache } = world()
  await cache.set('key', 1)
  await cache.set('other', 1)
  const took: [string, number][] = []
  cache.on('hit', ({ key, durationMs }) => took.push([key, durationMs]))
  const first = cache.wrap('key', never)
  // Something else keeps the event loop busy.
  process.clock.jump(50)
  await Promise.all([first, cache.wrap('other', never)])
  expect(took).toEqual([
    ['key', 50],
    ['other', 0],
  ])
  await processes.close()
})
