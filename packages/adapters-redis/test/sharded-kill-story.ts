import { type ClientProcess, startProcess } from '@holdfast/lab/client-process'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'

/** What a client saw while its load lasted. `Others` are the keys of the servers that nobody kills. */
export interface Phase {
  /** So many calls were for keys of the others. */
  readonly others: number
  readonly p99Ms: number
  /** The longest of all calls. */
  readonly worstMs: number
  /** CPU time of the process for each call. */
  readonly cpuUs: number
  readonly keys: number
  /** So many of its keys were loaded, and so often the one that was loaded most. */
  readonly loadedOfTwo: number
  readonly mostLoadsOfTwo: number
  readonly loadedOfOthers: number
}

export interface Story {
  readonly before: Phase
  readonly after: Phase
  /** Of a client in the same seconds, whose servers all stay. */
  readonly control: { readonly before: Phase; readonly after: Phase }
}

const perSecond = 2_000
const warmUpMs = 1_000
const phaseMs = 3_000
const client = new URL('./sharded-kill-client.ts', import.meta.url)

interface Fleet {
  readonly servers: readonly RedisServer[]
  readonly process: ClientProcess
}

async function startFleet(): Promise<Fleet> {
  const servers = await Promise.all([0, 1, 2].map(() => startRedis()))
  const ports = JSON.stringify(servers.map(({ port }) => port))
  return { servers, process: await startProcess(client, { args: [ports] }) }
}

async function stopFleet({ servers, process }: Fleet): Promise<void> {
  await process.stop()
  await Promise.all(servers.map((server) => server.stop()))
}

/**
 * Two clients in processes of their own, each over three servers of its own and under the same load, which begins, goes
 * on and ends at the same time; of the first client's servers the second is killed in the middle.
 */
export async function killStory(): Promise<Story> {
  const fleets = await Promise.all([startFleet(), startFleet()])
  const load = (forMs: number) =>
    Promise.all(fleets.map(({ process }) => process.call<Phase>('load', perSecond, forMs)))
  try {
    await Promise.all(fleets.map(({ process }) => process.call('fill')))
    await load(warmUpMs)
    const [before, controlBefore] = await load(phaseMs)
    const loaded = load(phaseMs)
    await fleets[0].servers[1]!.kill()
    const [after, controlAfter] = await loaded
    return {
      before: before!,
      after: after!,
      control: { before: controlBefore!, after: controlAfter! },
    }
  } finally {
    await Promise.all(fleets.map(stopFleet))
  }
}
