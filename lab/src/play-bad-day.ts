import { setTimeout as sleep } from 'node:timers/promises'
import type { BadDay, Step } from './bad-days.ts'
import type { FaultProxy } from './fault-proxy.ts'
import {
  type Changed,
  changePrimaryIn,
  changePrimaryOf,
  cutReplicas,
  type PrimaryChange,
} from './primary-changes.ts'
import type { RedisCluster } from './redis-cluster.ts'
import type { SentinelGroup } from './redis-sentinel.ts'
import type { RedisServer } from './redis-server.ts'

/** The servers that have the bad day, as far as it needs them. */
export interface Stage {
  readonly primary?: RedisServer
  replacePrimary?(how: PrimaryChange): Promise<Changed>
  moveSlots?(): Promise<void>
  /** Through which the replica follows its primary. */
  readonly replication?: FaultProxy
}

export function sentinelStage(group: SentinelGroup, primary: RedisServer): Stage {
  return { primary, replacePrimary: (how) => changePrimaryOf(group, primary, how) }
}

/** The bad day is that of `primary`; its slots go to the next one. */
export function clusterStage(cluster: RedisCluster, primary: RedisServer): Stage {
  const { primaries } = cluster
  const next = primaries[(primaries.indexOf(primary) + 1) % primaries.length]!
  return {
    primary,
    replacePrimary: (how) => changePrimaryIn(cluster, primary, how),
    async moveSlots() {
      const keys = (await primary.command('KEYS', '*')) as string[]
      const slots = new Set(await Promise.all(keys.map(cluster.slotOf)))
      await cluster.moveSlots([...slots], primary, next)
    },
  }
}

/** What became of a bad day. */
export interface Played {
  /** For a day whose primary is replaced. */
  readonly replaced: Changed | undefined
  /** Wakes or starts again whatever was stopped or killed. */
  heal(): Promise<void>
}

/**
 * Plays a bad day. `service` is what the test does at the points that the day names: all of them, and no others.
 * Whatever was stopped goes on when a step fails.
 */
export async function play<Day extends BadDay>(
  day: Day,
  stage: Stage,
  service: Readonly<Record<ServiceOf<Day>, () => unknown>>,
): Promise<Played> {
  let replaced: Changed | undefined
  let isCut: (() => Promise<boolean>) | undefined
  const heals: (() => Promise<void> | void)[] = []
  const heal = async () => {
    for (const each of heals.splice(0)) await each()
  }
  const needs = <T>(part: T | undefined, name: string): T => {
    if (part === undefined) throw new Error(`'${day.title}' needs ${name}`)
    return part
  }
  const take = async (step: Step) => {
    if ('waitMs' in step) await sleep(step.waitMs)
    else if ('service' in step) await needs(serviceOf(service, step.service), step.service)()
    else if ('cut' in step) isCut = await cutReplicas(needs(stage.primary, 'a primary'))
    else if ('primary' in step) {
      if ((await isCut?.()) === false) throw new Error('the replicas follow their primary again')
      replaced = await needs(stage.replacePrimary, 'a group that can be changed')(step.primary)
      heals.push(replaced.heal)
    } else if ('move' in step) await needs(stage.moveSlots, 'a cluster')()
    else if ('node' in step) {
      const node = needs(stage.primary, 'a node')
      node.pause()
      heals.push(() => node.resume())
    } else {
      const replication = needs(stage.replication, 'a replica behind a proxy')
      replication.use({ toClient: { latencyMs: step.replicaBehindMs } })
      heals.push(() => replication.use({}))
    }
  }
  try {
    for (const step of day.steps) await take(step)
  } catch (error) {
    await heal()
    throw error
  }
  return { replaced, heal }
}

type ServiceOf<Day extends BadDay> = Extract<Day['steps'][number], { service: string }>['service']

const serviceOf = (service: Readonly<Record<string, () => unknown>>, name: string) =>
  service[name] as (() => unknown) | undefined
