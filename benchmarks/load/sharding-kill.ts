import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { ratiosWithin, rounded, roundedSpread, spreadOf } from '../micro/figures.ts'
import { type CandidateProcess, openCandidate } from './in-processes.ts'
import type { KillPhase } from './sharding-kill-process.ts'
import type { KillResults } from './sharding-results.ts'

const perSecond = 1_500
const warmUpMs = 3_000
const phaseMs = 5_000
const program = new URL('./sharding-kill-process.ts', import.meta.url)

interface Fleet {
  readonly servers: readonly RedisServer[]
  readonly service: CandidateProcess
}

async function startFleet(name: string): Promise<Fleet> {
  const servers = await Promise.all([0, 1, 2].map(() => startRedis()))
  const ports = JSON.stringify(servers.map(({ port }) => port))
  return { servers, service: await openCandidate(name, ports, program) }
}

async function stopFleet({ servers, service }: Fleet): Promise<void> {
  service.stop()
  await Promise.all(servers.map((server) => server.stop()))
}

/** Before and after a server of the first is killed; the second, at the same time, keeps all of its own. */
async function killOnce(): Promise<readonly (readonly [before: KillPhase, after: KillPhase])[]> {
  const fleets = await Promise.all([startFleet('killed'), startFleet('well')])
  const load = (forMs: number) =>
    Promise.all(fleets.map(({ service }) => service.call<KillPhase>('load', perSecond, forMs)))
  try {
    for (const { service } of fleets) await service.call('fill')
    await load(warmUpMs)
    const before = await load(phaseMs)
    const loaded = load(phaseMs)
    await fleets[0].servers[1]!.kill()
    const after = await loaded
    return fleets.map((_, index) => [before[index]!, after[index]!])
  } finally {
    await Promise.all(fleets.map(stopFleet))
  }
}

/** What a server that is killed costs those who ask the other two of three. */
export async function measureKills(rounds: number): Promise<KillResults> {
  const killed: (readonly [KillPhase, KillPhase])[] = []
  const well: (readonly [KillPhase, KillPhase])[] = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`kill ${round}`)
    const [first, second] = await killOnce()
    killed.push(first!)
    well.push(second!)
  }
  const p99s = (of: typeof killed, at: 0 | 1) => of.map((phases) => phases[at].p99Ms)
  const growth = (of: typeof killed) => roundedSpread(ratiosWithin(p99s(of, 1), p99s(of, 0)), 3)
  const after = killed.map((phases) => phases[1])
  return {
    rounds,
    perSecond,
    phaseMs,
    calls: Math.min(...after.map(({ others }) => others)),
    beforeMs: roundedSpread(spreadOf(p99s(killed, 0)), 3),
    afterMs: roundedSpread(spreadOf(p99s(killed, 1)), 3),
    growth: growth(killed),
    growthBeside: growth(well),
    missedShare: rounded(Math.max(...after.map(({ missedShare }) => missedShare)), 3),
    worstMs: rounded(Math.max(...after.map(({ worstMs }) => worstMs)), 1),
  }
}
