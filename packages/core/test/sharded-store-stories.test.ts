import { expect, test } from 'vitest'
import { memoryStore } from '../src/index.ts'
import type { OnFailure, ShardServerOptions } from '../src/sharding/sharded-options.ts'
import { shardedStore } from '../src/sharding/sharded-store.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { type FaultyStore, faultyStore } from '../src/testing/faulty-store.ts'
import { seededRandom } from '../src/testing/seeded-random.ts'

/**
 * Random stories: servers die, freeze, return with what they had and are added, while one process reads and writes.
 * Values are numbers that grow. Whatever happens, no read that begins after a write or delete was acknowledged may
 * answer with something from before it.
 */
const stories = Number(process.env.HOLDFAST_SHARDED_STORIES ?? 25)
const steps = 80
const keys = Array.from({ length: 12 }, (_, index) => `key:${index}`)
const long = { ttlMs: 3_600_000 }

const bytesOf = (value: number) => new TextEncoder().encode(String(value).padStart(8, '0'))
const numberIn = (bytes: Uint8Array) => Number(new TextDecoder().decode(bytes))

async function tell(seed: number, onFailure: OnFailure): Promise<number> {
  const random = seededRandom(seed)
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T
  const clock = fakeClock({ seed })
  const lines: FaultyStore[] = []
  const servers: ShardServerOptions[] = []
  const addServer = () => {
    const name = `server-${servers.length}`
    const line = faultyStore(memoryStore({ name, clock }), { clock, faults: [] })
    lines.push(line)
    servers.push({ name, store: line })
  }
  for (let count = 0; count < 3; count++) addServer()
  const store = shardedStore({
    servers: [...servers],
    onFailure,
    clock,
    ...(random() < 0.5 ? { compat: 'twemproxy', hash: 'murmur' } : {}),
    ...(random() < 0.5 ? { eject: { failureLimit: 1, retryAfter: 200 } } : {}),
    ...(random() < 0.5 ? { quarantine: 0 } : {}),
  })

  let last = 0
  let reads = 0
  /** By key: no value below this one may be read any more. */
  const floors = new Map<string, number>()
  const raise = (key: string, to: number) => floors.set(key, Math.max(floors.get(key) ?? 0, to))
  const running = new Set<Promise<unknown>>()
  const log: string[] = []
  let wrong: string | undefined
  const judge = (key: string, floor: number, bytes: Uint8Array | undefined, how: string) => {
    reads++
    if (bytes === undefined || numberIn(bytes) >= floor) return
    wrong ??= `${onFailure}, seed ${seed}: ${how} of ${key} gave ${numberIn(bytes)} after ${floor} was acknowledged:\n${log.slice(-60).join('\n')}`
  }
  const start = (what: string, work: Promise<unknown>) => {
    log.push(what)
    const done = work.then(
      () => log.push(`  done: ${what}`),
      (error: unknown) => {
        log.push(`  failed: ${what}: ${String(error)}`)
      },
    )
    running.add(done)
    void done.finally(() => running.delete(done))
  }
  const write = (key: string, send: (bytes: Uint8Array) => Promise<unknown>, what: string) => {
    const value = ++last
    start(
      `${what} ${key} ${value}`,
      send(bytesOf(value)).then(() => raise(key, value)),
    )
  }
  const remove = (some: readonly string[], send: () => Promise<unknown>) => {
    const after = ++last
    start(
      `delete ${some.join()} ${after}`,
      send().then(() => {
        for (const key of some) raise(key, after + 1)
      }),
    )
    last++
  }
  const acts: (() => void)[] = [
    () => {
      const key = pick(keys)
      write(key, (bytes) => store.set(key, bytes, long), 'set')
    },
    () => {
      const [one, two] = [pick(keys), pick(keys)]
      if (one === two) return
      const [first, second] = [++last, ++last]
      const entries = [
        { key: one, bytes: bytesOf(first), ...long },
        { key: two, bytes: bytesOf(second), ...long },
      ]
      start(
        `setMany ${one} ${first} ${two} ${second}`,
        store.setMany(entries).then(() => {
          raise(one, first)
          raise(two, second)
        }),
      )
    },
    () => {
      const key = pick(keys)
      remove([key], () => store.delete(key))
    },
    () => {
      const some = [...new Set([pick(keys), pick(keys), pick(keys)])]
      remove(some, () => store.deleteMany(some))
    },
    () => {
      const key = pick(keys)
      const value = ++last
      const floor = floors.get(key) ?? 0
      const adding = store.add!(key, bytesOf(value), long)
      start(
        `add ${key} ${value}`,
        adding.then((there) => judge(key, floor, there, 'add')),
      )
    },
    () => {
      const key = pick(keys)
      const value = ++last
      start(
        `replace ${key} ${value}`,
        store
          .get(key)
          .then((there) => there && store.replace!(key, there, bytesOf(value), long))
          .then((replaced) => replaced && raise(key, value)),
      )
    },
    ...Array.from({ length: 3 }, () => () => {
      const key = pick(keys)
      const floor = floors.get(key) ?? 0
      start(
        `get ${key}`,
        store.get(key).then((bytes) => judge(key, floor, bytes, 'get')),
      )
    }),
    ...Array.from({ length: 2 }, () => () => {
      const before = keys.map((key) => floors.get(key) ?? 0)
      start(
        'getMany',
        store.getMany(keys).then((all) => {
          for (const [at, bytes] of all.entries()) judge(keys[at]!, before[at]!, bytes, 'getMany')
        }),
      )
    }),
    ...Array.from({ length: 2 }, () => () => {
      const at = Math.floor(random() * lines.length)
      const fault = pick(['reject', 'hang', 'lost'] as const)
      log.push(`${fault} ${at}`)
      if (fault === 'lost') lines[at]!.play([{ kind: 'reject', applied: true }])
      else lines[at]!.play([{ kind: fault }])
    }),
    ...Array.from({ length: 3 }, () => () => {
      const at = Math.floor(random() * lines.length)
      log.push(`revive ${at}`)
      lines[at]!.heal()
    }),
    () => {
      if (lines.length >= 6 || random() < 0.7) return
      addServer()
      log.push(`add server ${lines.length - 1}`)
      store.setServers([...servers], { window: 5_000 })
    },
  ]
  for (let step = 0; step < steps; step++) {
    pick(acts)()
    // One write at a time: of two at once either may be the last.
    if (random() < 0.9 || running.size > 0) {
      for (let waited = 0; running.size > 0 && waited < 60; waited++)
        await clock.advance(random() < 0.5 ? 10 : 120)
      await Promise.all(running)
      expect(wrong).toBe(undefined)
    }
    if (random() < 0.15) await clock.advance(Math.floor(random() * 3_000))
  }
  await store.close()
  await Promise.all(running)
  expect(wrong).toBe(undefined)
  expect(clock.pendingTimers).toBe(0)
  return reads
}

for (const onFailure of ['fail-fast', 'gutter', 'rehash', 'replica'] as const) {
  test(`${onFailure}: in ${stories} random stories nothing old is read after it was overwritten or deleted`, {
    timeout: 60_000 + stories * 1_000,
  }, async () => {
    let reads = 0
    for (let seed = 1; seed <= stories; seed++) reads += await tell(seed, onFailure)
    expect(reads).toBeGreaterThan(stories * 50)
  })
}
