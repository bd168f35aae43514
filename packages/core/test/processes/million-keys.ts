import { CacheHandle } from '../../src/cache-handle.ts'
import { resolveCacheOptions } from '../../src/options/cache-settings.ts'
import { Engine } from '../../src/read/engine.ts'

/** 1,000,000 distinct keys through a near tier of 10,000 entries: what is left of them? */
const settings = resolveCacheOptions({
  memory: { maxEntries: 10_000 },
  defaults: { staleIfError: '1h', errorTtl: '1s' },
})
const engine = new Engine(settings)
const cache = new CacheHandle(engine, engine.root, settings.policyOfKey)
const gc = globalThis.gc as () => void

const value = (key: number) => ({ id: key, name: `name of ${key}`, list: [key, key + 1, key + 2] })

async function churn(from: number, to: number): Promise<void> {
  for (let key = from; key < to; key += 100) {
    const loads: Promise<unknown>[] = []
    for (let at = key; at < key + 90; at++) {
      // Every way a key may be seen: kept, tagged, failed, skipped, deleted, expired, many at once, in a namespace.
      const name = `key:${at}`
      const kind = at % 10
      if (kind < 4) loads.push(cache.wrap(name, async () => value(at)))
      else if (kind === 4)
        loads.push(cache.wrap(name, () => value(at), { tags: [`tag:${at}`, 'all'] }))
      else if (kind === 5)
        loads.push(cache.wrap(name, () => Promise.reject(new Error('x'))).catch(() => {}))
      else if (kind === 6) loads.push(cache.wrap(name, ({ skip }) => skip(value(at))))
      else if (kind === 7) loads.push(cache.set(name, value(at)), cache.delete(name))
      else if (kind === 8) loads.push(cache.set(name, value(at)), cache.expire(name))
      else loads.push(cache.namespace(`n${at % 7}`).wrap(name, () => value(at)))
    }
    const batch = Array.from({ length: 10 }, (_, at) => `key:${key + 90 + at}`)
    loads.push(cache.wrapMany(batch, async (missing) => missing.map((_, at) => value(at))))
    await Promise.all(loads)
  }
}

async function heap(): Promise<number> {
  // Weak references and finalizers need turns of their own.
  for (let round = 0; round < 3; round++) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return process.memoryUsage().heapUsed
}

const empty = await heap()
await churn(0, 50_000)
const full = await heap()
await churn(50_000, 1_000_000)
await new Promise((resolve) => setTimeout(resolve, 20))
const after = await heap()
const { near, flights, loading, verdicts, root, fence } = engine
console.log(
  JSON.stringify({
    entries: near?.entries,
    bytes: near?.bytes,
    flights: flights.size,
    loading: loading.size,
    verdicts: verdicts.size,
    heldTags: root.heldTags,
    scopes: fence.recent.size,
    empty,
    full,
    after,
  }),
)
await cache.close()
