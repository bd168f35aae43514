import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from '@holdfast/core'
import { startFleet } from './fleet.ts'

/** What happened in one part of the story. */
export interface Part {
  readonly calls: number
  readonly failed: number
  readonly wrong: number
  readonly loads: number
  readonly slowestMs: number
}

export interface Outcome {
  readonly perServer: Readonly<Record<string, number>>
  readonly calm: Part
  /** From the kill on. */
  readonly dying: Part
  /** Once its keys have been loaded again. */
  readonly gone: Part
  readonly back: Part
  readonly states: readonly string[]
}

const users = 300

/** A service under steady traffic while one of its three servers is killed and comes back, empty. */
export async function watchFleet(spanMs: number, say: (line: string) => void): Promise<Outcome> {
  const fleet = await startFleet()
  const { store, servers } = fleet
  const cache = createCache({ name: 'users', store, memory: false })
  // An invalidation that does not reach a server is reported here. There is none in this story.
  cache.on('error', () => {})
  let loads = 0
  const user = (id: number) =>
    cache.wrap(
      `user:${id}`,
      async () => {
        loads++
        await sleep(5)
        return { id, name: `User ${id}` }
      },
      { ttl: '10m' },
    )

  /** Two hundred requests a second, whatever became of the ones before. */
  async function traffic(forMs: number): Promise<Part> {
    const loadsBefore = loads
    const calls: Promise<void>[] = []
    let failed = 0
    let wrong = 0
    let slowestMs = 0
    const one = async (id: number) => {
      const startedAt = performance.now()
      try {
        if ((await user(id)).id !== id) wrong++
      } catch {
        failed++
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    }
    const startedAt = performance.now()
    for (let sent = 0; performance.now() - startedAt < forMs; await sleep(5)) {
      const due = (performance.now() - startedAt) / 5
      for (; sent < due; sent++) calls.push(one((sent * 7) % users))
    }
    await Promise.all(calls)
    return { calls: calls.length, failed, wrong, loads: loads - loadsBefore, slowestMs }
  }
  const tell = (what: string, { calls, failed, wrong, loads: loaded, slowestMs }: Part) =>
    say(
      `  ${what}: ${calls} calls, ${failed} failed, ${wrong} wrong, ${loaded} loads, slowest ${slowestMs.toFixed(0)} ms`,
    )
  const stateOf = (name: string) => store.stats().servers[name]?.state ?? 'unknown'
  const victim = servers[1]
  if (victim === undefined) throw new Error('the fleet has three servers')
  const states: string[] = []
  const note = () => states.push(stateOf(victim.name))

  try {
    await warm(user)
    const perServer: Record<string, number> = {}
    for (let id = 0; id < users; id++) {
      const { server } = store.explain(`users:user:${id}`)
      perServer[server] = (perServer[server] ?? 0) + 1
    }
    say(`${users} users on three servers: ${JSON.stringify(perServer)}`)

    const calm = await traffic(spanMs)
    note()
    tell('all three answer', calm)

    say(`Killing ${victim.name} …`)
    await victim.process.kill()
    const dying = await traffic(spanMs)
    note()
    tell('its keys are loaded again, onto the others', dying)
    const gone = await traffic(spanMs / 2)
    tell('and then they are there', gone)

    say(`Starting ${victim.name} again, empty …`)
    await victim.process.restart()
    for (let tries = 0; tries < 300 && stateOf(victim.name) === 'out'; tries++) {
      await user(tries % users)
      await sleep(20)
    }
    note()
    const back = await traffic(spanMs)
    // The version of the namespace was on it, too. Nobody knows what was invalidated under it, so all of it is old.
    tell('it came back without the version of the namespace, so everything is loaded once', back)
    return { perServer, calm, dying, gone, back, states }
  } finally {
    await cache.close()
    await fleet.stop()
  }
}

/** Loads every user once, a few at a time, until all of them are stored. */
async function warm(user: (id: number) => Promise<unknown>): Promise<void> {
  for (let round = 0; round < 2; round++) {
    for (let id = 0; id < users; id += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, at) => user(id + at)))
    }
    await sleep(100)
  }
}
