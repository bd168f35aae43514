import { type Cache, createCache } from '@holdfast/core'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { redisStore } from '@holdfast/redis'
import { median, ratiosWithin, rounded, roundedSpread } from '../micro/figures.ts'
import { hitCandidates, nearCandidates, stampedeCandidates } from './candidates.ts'
import { measureHitRows } from './hit-rows.ts'
import { type CandidateProcess, openCandidate } from './in-processes.ts'
import { measuredOn } from './measured-on.ts'
import type { FarResults, HitRow, Mode, RoundTrips, StampedeResults } from './results.ts'

const modes: readonly Mode[] = [
  { name: '1 in flight', inFlight: 1, apart: false },
  { name: '50', inFlight: 50, apart: false },
  { name: '500', inFlight: 500, apart: false },
  { name: '50 apart', inFlight: 50, apart: true },
]

export async function measureFar(rounds: number, say: (what: string) => void): Promise<FarResults> {
  const server = await startRedis()
  try {
    say('hits in Redis')
    const hits = await measureHits(server, rounds)
    say('hits in memory')
    const { near, nearRatio } = await measureNear(server, rounds)
    say('a stampede')
    const stampede = await measureStampede(server)
    say('round trips')
    const roundTrips = await countRoundTrips(server)
    const version = /redis_version:(\S+)/.exec(String(await server.command('INFO', 'server')))?.[1]
    return {
      ...measuredOn(),
      server: `Redis ${version}`,
      rounds,
      modes,
      hits,
      near,
      nearRatio,
      stampede,
      roundTrips,
    }
  } finally {
    await server.stop()
  }
}

/** Opens all, hands them to `run`, and stops them whatever happens. */
async function withProcesses<Result>(
  names: readonly string[],
  port: number,
  run: (processes: readonly CandidateProcess[]) => Promise<Result>,
): Promise<Result> {
  const processes: CandidateProcess[] = []
  try {
    for (const name of names) processes.push(await openCandidate(name, port))
    return await run(processes)
  } finally {
    for (const each of processes) each.stop()
  }
}

function measureHits({ port }: RedisServer, rounds: number): Promise<HitRow[]> {
  const names = hitCandidates.map(({ name }) => name)
  return withProcesses(names, port, (processes) =>
    measureHitRows(hitCandidates, processes, modes, rounds),
  )
}

async function measureNear({ port }: RedisServer, rounds: number) {
  const names = nearCandidates.map(({ name }) => name)
  const taken: number[][] = names.map(() => [])
  // A fresh process for each, as for every hit in memory: see benchmarks/method.md.
  for (let round = 0; round < rounds; round++) {
    for (const [index, name] of names.entries()) {
      await withProcesses([name], port, async ([only]) => {
        await only!.call('fill')
        taken[index]!.push(await only!.call<number>('awaited', 300, 300))
      })
    }
  }
  return {
    near: nearCandidates.map(({ name, what }, index) => ({
      name,
      what,
      ns: rounded(median(taken[index]!), 1),
    })),
    nearRatio: roundedSpread(ratiosWithin(taken[1]!, taken[0]!), 3),
  }
}

async function measureStampede(server: RedisServer): Promise<StampedeResults> {
  const [processes, callersEach, loadMs, warmUps, keys] = [8, 25, 50, 10, 40]
  const rows: StampedeResults['rows'][number][] = []
  for (const { name, what } of stampedeCandidates) {
    await server.command('FLUSHALL')
    await withProcesses(Array<string>(processes).fill(name), server.port, async (all) => {
      const loads: number[] = []
      const waited: number[] = []
      for (let key = 0; key < warmUps + keys; key++) {
        const answers = await Promise.all(
          all.map((each) =>
            each.call<{ waitedMs: number[]; loads: number }>(
              'atOnce',
              `cold:${key}`,
              callersEach,
              loadMs,
            ),
          ),
        )
        if (key < warmUps) continue
        loads.push(answers.reduce((sum, answer) => sum + answer.loads, 0))
        waited.push(...answers.flatMap(({ waitedMs }) => waitedMs))
      }
      waited.sort((a, b) => a - b)
      rows.push({
        name,
        what: name.startsWith('holdfast') ? 'Holdfast `wrap`' : what,
        loads: { least: Math.min(...loads), most: Math.max(...loads) },
        p50Ms: rounded(waited[Math.floor(waited.length * 0.5)]!, 1),
        p99Ms: rounded(waited[Math.floor(waited.length * 0.99)]!, 1),
      })
    })
  }
  return { processes, callersEach, loadMs, keys, rows }
}

async function countRoundTrips(server: RedisServer): Promise<RoundTrips[]> {
  const store = redisStore({ host: '127.0.0.1', port: server.port })
  // What goes out on the bus is counted in a cache of its own: its beats come when they come.
  const cache = createCache({ store, memory: false, bus: false, name: 'silent' })
  const telling = createCache({ store, memory: false, name: 'telling' })
  const times = 200
  const five = { tags: ['a', 'b', 'c', 'd', 'e'] }
  const counted = async (what: string, run: (on: Cache, index: number) => Promise<unknown>) => {
    const count = async (on: Cache, of: (counts: Record<string, number>) => number) => {
      await server.command('CONFIG', 'RESETSTAT')
      for (let index = 0; index < times; index++) await run(on, index)
      return rounded(of(await server.commandCounts()) / times, 1)
    }
    return {
      what,
      // To each EVALSHA of these belong one GETRANGE and one SET.
      commands: await count(cache, (counts) => {
        const sent = ['get', 'mget', 'set', 'del', 'evalsha', 'eval']
        return sent.reduce((sum, name) => sum + (counts[name] ?? 0), 0) - (counts.getrange ?? 0)
      }),
      published: await count(telling, ({ publish = 0 }) => publish),
    }
  }
  try {
    for (const on of [cache, telling]) {
      await on.wrap('tagged', () => 'v', five)
      await on.wrap('plain', () => 'v')
    }
    return [
      await counted('a hit through `wrap`', (on) => on.wrap('plain', () => 'v')),
      await counted('a hit through `wrap` with five declared tags', (on) =>
        on.wrap('tagged', () => 'v', five),
      ),
      await counted('a `get` of an entry with five tags', (on) => on.get('tagged')),
      await counted('a cold load with five tags', (on, index) =>
        on.wrap(`cold-${index}`, () => 'v', five),
      ),
      await counted('a `set` with five tags', (on, index) => on.set(`set-${index}`, 'v', five)),
      await counted('a `delete`', (on, index) => on.delete(`set-${index}`)),
      await counted('`invalidateTags` of one tag', (on) => on.invalidateTags(['a'])),
      await counted('a `clear`', (on) => on.clear()),
    ]
  } finally {
    await cache.close()
    await telling.close()
    await store.close()
  }
}
