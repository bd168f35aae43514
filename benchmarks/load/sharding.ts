import { readFileSync, writeFileSync } from 'node:fs'
import { startNutcracker } from '@holdfast/lab/nutcracker-proxy'
import { startRedis } from '@holdfast/lab/redis-server'
import { shardedRedis } from '@holdfast/redis'
import { median, ratiosWithin, rounded, roundedSpread } from '../micro/figures.ts'
import { keyOf, makeUser, seededRandom, shuffled } from '../micro/workload.ts'
import { type CandidateProcess, openCandidate } from './in-processes.ts'
import { measuredOn } from './measured-on.ts'
import type { Mode } from './results.ts'
import { type Cluster, shardingCandidates } from './sharding-candidates.ts'
import { measureKills } from './sharding-kill.ts'
import { shardingPage } from './sharding-page.ts'
import { type ShardingResults, shardingPagePath, shardingResultsPath } from './sharding-results.ts'

/*
 * `node load/sharding.ts`, after a build: values on four Redis servers, through a real nutcracker and straight. Writes
 * results/sharding.json and the page that is made from it. CPU time of proxy and servers is read from /proc: Linux only.
 */

const rounds = Number(process.env.ROUNDS ?? 5)
const kills = Number(process.env.KILLS ?? 7)
const warmUpMs = 100
const measuredMs = 400
const names = ['one', 'two', 'three', 'four']
const modes: readonly Mode[] = [
  { name: '1 in flight', inFlight: 1, apart: false },
  { name: '50', inFlight: 50, apart: false },
  { name: '500', inFlight: 500, apart: false },
  { name: '50 apart', inFlight: 50, apart: true },
]
/** The kernel counts in hundredths of a second, whatever its own tick is. */
const usPerTick = 10_000

interface Taken {
  readonly perSecond: number
  readonly allCpuUs: number
}

const servers = await Promise.all(names.map(() => startRedis()))
// Spreads keys that differ at their end only, which twemproxy's default does not.
const ring = { hash: 'murmur', distribution: 'ketama' } as const
const proxy = await startNutcracker({
  servers: servers.map(({ port }, index) => `127.0.0.1:${port}:1 ${names[index]}`),
  pool: { ...ring, redis: 'true' },
})
const cluster: Cluster = {
  proxyPort: proxy.port,
  pool: {
    compat: 'twemproxy',
    ...ring,
    servers: servers.map(({ port }, index) => ({
      name: names[index]!,
      host: '127.0.0.1',
      port,
      weight: 1,
    })),
  },
}
const others = [proxy.pid, ...servers.map(({ pid }) => pid)]
const cpuOfOthersUs = () =>
  others.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) * usPerTick
  }, 0)

const store = shardedRedis({ ...cluster.pool, timeout: '2s' })
for (let index = 0; index < 1_000; index++) {
  const bytes = new TextEncoder().encode(JSON.stringify(makeUser(index)))
  await store.set(keyOf(index), bytes, { ttlMs: Number.POSITIVE_INFINITY })
}
await store.close()

const processes: CandidateProcess[] = []
try {
  const program = new URL('./sharding-process.ts', import.meta.url)
  for (const { name } of shardingCandidates)
    processes.push(await openCandidate(name, JSON.stringify(cluster), program))
  for (const each of processes) await each.call('fill')

  const random = seededRandom(1)
  const order = [...shardingCandidates.keys()]
  /** By candidate, mode and round. */
  const taken: Taken[][][] = shardingCandidates.map(() => modes.map(() => []))
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round}`)
    for (const [mode, { inFlight, apart }] of modes.entries()) {
      for (const index of shuffled(order, random)) {
        const each = processes[index]!
        const before = cpuOfOthersUs()
        const { calls, tookMs, cpuUs } = await each.call<{
          calls: number
          tookMs: number
          cpuUs: number
        }>('hits', inFlight, apart, warmUpMs, measuredMs)
        // The others' time covers the warm-up too, so their share of it is taken off.
        const othersUs = (cpuOfOthersUs() - before) * (measuredMs / (measuredMs + warmUpMs))
        taken[index]![mode]!.push({
          perSecond: (calls / tookMs) * 1_000,
          allCpuUs: (cpuUs + othersUs) / calls,
        })
      }
    }
  }

  // They would sit beside a load that measures how long somebody waits.
  for (const each of processes) each.stop()
  const kill = await measureKills(kills)

  const figureOf = (index: number, mode: number, of: keyof Taken) =>
    taken[index]![mode]!.map((each) => each[of])
  const { versions, ...on } = measuredOn()
  const version = /redis_version:(\S+)/.exec(
    String(await servers[0]!.command('INFO', 'server')),
  )?.[1]
  const results: ShardingResults = {
    ...on,
    servers: `4 × Redis ${version} and nutcracker 0.5`,
    versions: { ioredis: versions.ioredis! },
    rounds,
    modes,
    rows: shardingCandidates.map(({ name, what }, index) => ({
      name,
      what,
      figures: modes.map((_, mode) => ({
        throughput: roundedSpread(
          ratiosWithin(figureOf(index, mode, 'perSecond'), figureOf(0, mode, 'perSecond')),
          3,
        ),
        allCpu: roundedSpread(
          ratiosWithin(figureOf(index, mode, 'allCpuUs'), figureOf(0, mode, 'allCpuUs')),
          3,
        ),
        allCpuUs: rounded(median(figureOf(index, mode, 'allCpuUs')), 2),
      })),
    })),
    kill,
  }
  writeFileSync(shardingResultsPath, `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(shardingPagePath, shardingPage(results))
  console.log(shardingPage(results))
} finally {
  for (const each of processes) each.stop()
  await proxy.stop()
  await Promise.all(servers.map((server) => server.stop()))
}
