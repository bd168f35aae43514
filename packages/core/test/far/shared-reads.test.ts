import { expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import { Processes } from './processes.ts'

/** A store that notes the keys of each batch it is asked for. */
function noting(batches: (readonly string[])[]) {
  return (store: Store): Store => ({
    ...store,
    getMany(keys) {
      batches.push(keys)
      return store.getMany!(keys)
    },
  })
}

const load = () => 'loaded'

async function world() {
  const batches: (readonly string[])[] = []
  const processes = new Processes()
  const { cache } = processes.start({ memory: false, storeOf: noting(batches) })
  await cache.set('key', 'kept', { tags: ['a', 'b'] })
  batches.length = 0
  const timesRead = (key: string) => batches.flat().filter((read) => read === key).length
  return { processes, cache, timesRead }
}

it('callers of one turn share a read of the store if the first expects the tags of the others', async () => {
  const { processes, cache, timesRead } = await world()
  const tagged = { tags: ['a', 'b'] }
  const all = [cache.wrap('key', load, tagged), cache.wrap('key', load, { tags: ['b'] })]
  all.push(cache.wrap('key', load, { tags: ['b', 'a'] }), cache.wrap('key', load))
  expect(await Promise.all(all)).toEqual(['kept', 'kept', 'kept', 'kept'])
  expect(timesRead('default:key')).toBe(1)
  await processes.close()
})

it('a caller who expects a tag that nobody has asked for reads for itself, with the version of that tag', async () => {
  const { processes, cache, timesRead } = await world()
  const all = [cache.wrap('key', load), cache.wrap('key', load, { tags: ['a'] })]
  expect(await Promise.all(all)).toEqual(['kept', 'kept'])
  expect(timesRead('default:key')).toBe(2)
  expect(timesRead('default:/%t/a')).toBe(1)
  await processes.close()
})

it('a caller who comes after an invalidation shares no read that was queued before it', async () => {
  const { processes, cache } = await world()
  const before = cache.wrap('key', load, { tags: ['a'] })
  const gone = cache.delete('key')
  const after = cache.wrap('key', load, { tags: ['a'] })
  // The later one may come upon the claim of the earlier, and look again a moment later.
  await processes.clock.advance(100)
  expect(['kept', 'loaded']).toContain(await before)
  await gone
  expect(await after).toBe('loaded')
  await processes.close()
})

it('what was expired just now is stale for a process whose coarse clock is a moment old', async () => {
  const { processes, cache } = await world()
  const windows = { ttl: 10_000, staleWhileRevalidate: 10_000 }
  await cache.set('windowed', 'old', windows)
  await processes.clock.advance(100)
  await cache.expire('windowed')
  const other = processes.start({ memory: false })
  Object.defineProperty(other.engine.coarse, 'now', {
    value: () => processes.clock.monotonic() - 3,
  })
  const stale: string[] = []
  other.cache.on('stale', ({ key }) => stale.push(key))
  expect(await other.cache.wrap('windowed', load, windows)).toBe('old')
  expect(stale).toEqual(['windowed'])
  await processes.close()
})
