import { badDays } from '@holdfast/lab/bad-days'
import type { ClientProcess } from '@holdfast/lab/client-process'
import { play, type Stage } from '@holdfast/lab/play-bad-day'
import type { RedisServer } from '@holdfast/lab/redis-server'
import { expect, onTestFinished } from 'vitest'
import type { ClientSettings, Polled } from './clients/client-answers.ts'
import {
  forgivenStallMs,
  loading,
  startClients,
  stopClients,
  watchAll,
} from './clients/start-clients.ts'

/**
 * Loads that are under way while the primary that has their claims is replaced, in real processes which hear nothing
 * of each other: what one of them deletes, the others learn from the store alone. `keyAt` makes a key of the cache
 * whose primary is the one that goes.
 */
export interface LoadStory {
  readonly at: Pick<ClientSettings, 'cluster' | 'sentinels'>
  readonly stage: Stage
  /** Those that answer from the beginning to the end of a story in which nobody is killed. */
  readonly servers: readonly RedisServer[]
  keyAt(name: string): string
}

const unshared = { memory: false, bus: false } as const
const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0)

async function clientsFor(
  { at }: LoadStory,
  count: number,
  settings: Partial<ClientSettings> = {},
): Promise<ClientProcess[]> {
  const clients = await startClients(count, { ...at, ...unshared, ...settings })
  onTestFinished(() => stopClients(clients) as Promise<void>)
  return clients
}

const loadsOf = (clients: readonly ClientProcess[]) =>
  Promise.all(clients.map((each) => each.call<number>('loads')))

/**
 * Two processes load, and another waits for what they load. One more deletes some of it, which the primary acknowledges
 * and no replica hears of; then the primary is gone, and a replica takes its place that knows the claims and not the
 * deletes. One load ends right then, the other when all deletes have been made again.
 */
export async function killInLoad(story: LoadStory): Promise<void> {
  const keys = ['kept', 'stored', 'early', 'late', 'unread'].map(story.keyAt)
  const [kept, ...deleted] = keys as [string, string, string, string, string]
  const [stored, early, late, unread] = deleted as [string, string, string, string]
  const clients = await clientsFor(story, 5, { patient: true, defaults: { loadTimeout: '60s' } })
  const [hasty, slow, waiter, deleter, reader] = clients as [
    ClientProcess,
    ClientProcess,
    ClientProcess,
    ClientProcess,
    ClientProcess,
  ]
  await deleter.call('set', stored, 'old', {})
  const wrapAt = (client: ClientProcess, key: string, loadMs: number | undefined, value: string) =>
    client.call<string>('wrap', key, loadMs, value, {})
  const held: Promise<string>[] = []
  const waiting: Promise<string>[] = []
  const { replaced, heal } = await play(badDays.primaryKilledInLoad, story.stage, {
    async load() {
      const begun = [early, late, unread, kept].map((key) =>
        loading(key === early ? hasty : slow, key),
      )
      held.push(wrapAt(hasty, early, undefined, 'old'))
      for (const key of [late, unread]) held.push(wrapAt(slow, key, undefined, 'old'))
      held.push(wrapAt(slow, kept, undefined, 'kept'))
      await Promise.all(begun)
    },
    'wait for the load elsewhere'() {
      for (const key of [early, late]) waiting.push(wrapAt(waiter, key, 0, 'new'))
      waiting.push(wrapAt(waiter, kept, 0, 'kept'))
    },
    async delete() {
      for (const key of deleted) await deleter.call('delete', key)
      await deleter.call('poll', [stored, early, late], 20)
    },
    async 'end one load'() {
      await reader.call('poll', [stored, early, late], 20)
      await hasty.call('release')
    },
    'end the other load': () => slow.call('release'),
  })
  onTestFinished(heal)
  const promotedAt = performance.timeOrigin + replaced!.promotedAt
  // Whoever asked before the delete gets what was loaded for it.
  expect(await Promise.all(held)).toEqual(['old', 'old', 'old', 'kept'])
  expect((await Promise.all(waiting)).slice(1)).toEqual(['new', 'kept'])

  // Who deleted it never gets it again, whoever is the primary; the others not after 5 s, and not what came late.
  const own = await deleter.call<Polled>('polled')
  expect(own.lastOldAt).toEqual({})
  const others = await reader.call<Polled>('polled')
  expect(others.lastOldAt).not.toHaveProperty(late)
  for (const key of [stored, early])
    expect(others.lastOldAt[key] ?? 0).toBeLessThan(promotedAt + 5_000)
  for (const client of clients) {
    expect(await client.call('get', unread)).toBe(undefined)
    for (const key of [stored, early, late])
      expect(await wrapAt(client, key, 0, 'newer')).toBe('new')
  }

  // A claim that was lost costs one load.
  const before = sum(await loadsOf(clients))
  const answers = await Promise.all(clients.map((each) => wrapAt(each, kept, 100, 'kept')))
  expect(answers).toEqual(clients.map(() => 'kept'))
  expect(sum(await loadsOf(clients)) - before).toBeLessThanOrEqual(1)
}

/** One load, and one more where the holder seems to have died; a machine that stops a process makes it seem so again. */
const mostLoads = (stalledMs: number, clients: readonly ClientProcess[]) =>
  stalledMs > forgivenStallMs ? clients.length : 2

/**
 * Four processes want one key while its primary is replaced as for maintenance. The claim is passed on, unless the
 * change takes so long that its holder seems to have died: then one of those who wait takes it over.
 */
export async function replaceInLoad(story: LoadStory): Promise<void> {
  const key = story.keyAt('planned')
  const clients = await clientsFor(story, 4, { patient: true })
  const [holder, ...others] = clients as [ClientProcess, ...ClientProcess[]]
  let calls: Promise<string>[] = []
  const wrapAt = (client: ClientProcess, value: string, loadMs?: number) =>
    client.call<string>('wrap', key, loadMs, value, {})
  const stalls = await watchAll(clients, story.servers)
  const { heal } = await play(badDays.primaryPlannedInLoad, story.stage, {
    async load() {
      const begun = loading(holder, key)
      calls = [wrapAt(holder, 'first')]
      await begun
    },
    'wait for the load elsewhere'() {
      calls.push(...others.map((each) => wrapAt(each, 'second', 0)))
    },
    'end the load': () => holder.call('release'),
  })
  onTestFinished(heal)
  const [first, ...waited] = await Promise.all(calls)
  expect(first).toBe('first')
  const loads = sum(await loadsOf(clients))
  expect(loads).toBeLessThanOrEqual(mostLoads(await stalls(), clients))
  expect(waited).toEqual(others.map(() => (loads === 1 ? 'first' : 'second')))
}

/**
 * Four processes want two keys while the slots of both go to another primary, claims and all. Then one of the keys is
 * deleted where it is now, and the loads end.
 */
export async function moveInLoad(story: LoadStory): Promise<void> {
  const [kept, deleted] = ['moved', 'gone'].map(story.keyAt) as [string, string]
  const clients = await clientsFor(story, 4, { patient: true })
  const [holder, ...others] = clients as [ClientProcess, ...ClientProcess[]]
  const wrapAt = (client: ClientProcess, key: string, value: string, loadMs?: number) =>
    client.call<string>('wrap', key, loadMs, value, {})
  const stalls = await watchAll(clients, story.servers)
  const begun = Promise.all([kept, deleted].map((key) => loading(holder, key)))
  const held = [wrapAt(holder, kept, 'first'), wrapAt(holder, deleted, 'old')]
  await begun
  const waiting = others.map((each) => wrapAt(each, kept, 'second', 0))
  await play(badDays.slotsMove, story.stage, {})
  await others[0]!.call('delete', deleted)
  await holder.call('release')
  expect(await Promise.all(held)).toEqual(['first', 'old'])
  for (const client of clients) expect(await client.call('get', deleted)).toBe(undefined)
  // Moving may take so long that the holder seems to have died; then one of those who wait has loaded it.
  const answers = await Promise.all(waiting)
  const loads = sum(await loadsOf(clients)) - 1
  expect(loads).toBeLessThanOrEqual(mostLoads(await stalls(), clients))
  const kind = loads === 1 ? 'first' : 'second'
  expect(answers).toEqual(others.map(() => kind))
  for (const client of clients) expect(await client.call('get', kept)).toBe(kind)
}
