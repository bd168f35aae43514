import { type Clock, keepAlive, type TimerHandle } from '../clock.ts'
import { deleteAll } from './many-keys.ts'
import type { ShardServer } from './shard-server.ts'
import type { ShardedSettings } from './sharded-options.ts'

/** Asked of a server to learn whether it answers; nothing is ever stored under it. */
const probeKey = '/%p'
const probePauseMs = 200
const makeUpPauseMs = 250
/** Where a server is out for long, others may be using it: what it missed is told it as soon as it can be. */
const makeUpOutPauseMs = 1_000
const perDelete = 500

/** The servers as whoever makes up for their absence sees them. */
export interface Shards {
  readonly settings: ShardedSettings
  readonly servers: readonly ShardServer[]
  readonly everyServer: readonly ShardServer[]
  homeOf(key: string): ShardServer
}

/**
 * What has to happen before a server is believed again: it misses no delete, and nobody else keeps what is its own.
 * Only deletes are made up for, never values: gone is never wrong.
 */
export class ShardRecovery {
  readonly #shards: Shards
  readonly #pauses = new Set<TimerHandle>()
  #timer: TimerHandle
  #anyStrays = false
  #closed = false

  constructor(shards: Shards) {
    this.#shards = shards
  }

  /** Whether anything is stored away from its home. */
  get anyStrays(): boolean {
    return this.#anyStrays
  }

  /** Something is stored away from its home: it has to go before its home takes over again. */
  stray(key: string, at: ShardServer): void {
    at.strays.add(key)
    this.#anyStrays = true
  }

  /** Resolves when the server has answered for a while, and everything that it missed was made up for. */
  async admit(server: ShardServer): Promise<void> {
    const { clock, quarantineMs } = this.#shards.settings
    const look = () => server.attempt('get', (store) => store.get(probeKey))
    await look()
    await this.#makeUp(server)
    await this.#gather(server)
    const until = clock.monotonic() + quarantineMs
    for (let left = quarantineMs; left > 0; left = until - clock.monotonic()) {
      await this.#pause(clock, Math.min(probePauseMs, left))
      await look()
    }
    await this.#makeUp(server)
    await this.#gather(server)
  }

  #pause(clock: Clock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => {
        this.#pauses.delete(timer)
        resolve()
      }, ms)
      keepAlive(timer, false)
      this.#pauses.add(timer)
    })
  }

  /** Deletes what the server should not have any more: as much as was noted when this began. */
  async #makeUp(server: ShardServer): Promise<void> {
    for (let left = server.missed.size; left > 0; left -= perDelete) {
      const { keys, done } = server.missed.take(Math.min(perDelete, left))
      await server.attempt('deleteMany', (store) => deleteAll(store, keys))
      done()
    }
  }

  /** Takes back from the others what they keep in the place of `returning`, or of anybody who has returned. */
  async #gather(returning?: ShardServer): Promise<void> {
    const shards = this.#shards
    const rehashes = shards.settings.onFailure === 'rehash'
    const out = shards.servers.filter((server) => server.isOut && server !== returning)
    const stays = (key: string, at: ShardServer) => {
      if (out.length === 0) return false
      const home = shards.homeOf(key)
      return home !== at && (rehashes || out.includes(home))
    }
    for (const at of shards.everyServer) {
      const misplaced = [...at.strays].filter((key) => !stays(key, at))
      for (let from = 0; from < misplaced.length; from += perDelete)
        await this.#takeBack(at, misplaced.slice(from, from + perDelete))
    }
    this.#anyStrays = shards.everyServer.some(({ strays }) => strays.size > 0)
  }

  async #takeBack(at: ShardServer, keys: readonly string[]): Promise<void> {
    // A key that came to be at home here is none of those that have to go.
    const strange = keys.filter((key) => this.#shards.homeOf(key) !== at)
    for (const key of keys) at.strays.delete(key)
    if (strange.length === 0) return
    try {
      if (at.isOut) throw at.unavailable('deleteMany')
      await at.attempt('deleteMany', (store) => deleteAll(store, strange))
    } catch {
      for (const key of strange) if (!at.missed.note(key)) at.strays.add(key)
    }
  }

  /** Something was missed by a server, or left behind with one: it is made up for soon. */
  notice(): void {
    if (this.#timer !== undefined || this.#closed) return
    const pauseMs = this.#pauseBeforeMakingUp()
    if (pauseMs === undefined) return
    const timer = this.#shards.settings.clock.setTimeout(() => {
      const work = this.#owed().map((server) => this.#makeUp(server))
      void Promise.allSettled([...work, this.#gather()]).then(() => {
        this.#timer = undefined
        this.notice()
      })
    }, pauseMs)
    keepAlive(timer, false)
    this.#timer = timer
  }

  /** Servers to make up to apart from their probes, which do it too, except where those are far apart. */
  #owed(): readonly ShardServer[] {
    const { everyServer, settings } = this.#shards
    const probesAreRare = settings.maxRetryAfterMs > makeUpOutPauseMs
    return everyServer.filter(({ isOut, missed }) => missed.size > 0 && (!isOut || probesAreRare))
  }

  #pauseBeforeMakingUp(): number | undefined {
    const { servers, everyServer } = this.#shards
    const owed = this.#owed()
    const isLeft =
      servers.every(({ isOut }) => !isOut) && everyServer.some(({ strays }) => strays.size > 0)
    if (isLeft || owed.some(({ isOut }) => !isOut)) return makeUpPauseMs
    return owed.length > 0 ? makeUpOutPauseMs : undefined
  }

  close(): void {
    this.#closed = true
    const { clock } = this.#shards.settings
    clock.clearTimeout(this.#timer)
    for (const timer of this.#pauses) clock.clearTimeout(timer)
  }
}
