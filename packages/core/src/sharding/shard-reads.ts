import type { SettledRead } from '../store/store.ts'
import type { ShardPool, Spot } from './shard-pool.ts'
import type { ShardServer } from './shard-server.ts'

/** Reads of a sharded store: each key from the server that has it now, many keys in one operation per server. */
export class ShardReads {
  readonly #pool: ShardPool
  #fragments = 0
  #foundBefore = 0
  #unreadable = 0

  constructor(pool: ShardPool) {
    this.#pool = pool
  }

  /** Parts that reads of many keys were split into. */
  get fragments(): number {
    return this.#fragments
  }

  /** Keys that were found where they had been before the servers changed. */
  get foundBefore(): number {
    return this.#foundBefore
  }

  /** Keys that could not be read, as their server was out or failed. */
  get unreadable(): number {
    return this.#unreadable
  }

  get(key: string): Promise<Uint8Array | undefined> {
    const pool = this.#pool
    if (pool.isReadAtHome) {
      const home = pool.homeOf(key)
      if (home.isOut) {
        this.#unreadable++
        return Promise.reject(home.unavailable('get'))
      }
      if (home.missed.size === 0) return home.get(key)
    }
    return this.#getWithCare(key)
  }

  async #getWithCare(key: string): Promise<Uint8Array | undefined> {
    this.#pool.look()
    const { home, at, copy, before } = this.#pool.spotOf(key)
    if (at === undefined) {
      this.#unreadable++
      throw home.unavailable('get')
    }
    let bytes: Uint8Array | undefined
    try {
      bytes = at.missed.has(key) ? undefined : await at.get(key)
    } catch (error) {
      if (!canAnswer(copy, key)) {
        this.#unreadable++
        throw error
      }
      return copy.get(key)
    }
    if (bytes !== undefined || !canAnswer(before, key)) return bytes
    bytes = await before.get(key)
    if (bytes !== undefined) this.#foundBefore++
    return bytes
  }

  /** Of each key what is known of it. Never rejects. */
  async settled(keys: readonly string[]): Promise<SettledRead[]> {
    const pool = this.#pool
    pool.look()
    const answers = new Array<SettledRead>(keys.length).fill(undefined)
    const parts = new Map<ShardServer, number[]>()
    const spots = pool.isReadAtHome ? undefined : keys.map((key) => pool.spotOf(key))
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      const spot = spots?.[index]
      const home = spot === undefined ? pool.homeOf(key) : spot.home
      const at = spot === undefined ? inOrNone(home) : spot.at
      if (at === undefined) answers[index] = home.unavailable('getMany')
      else if (at.missed.size === 0 || !at.missed.has(key)) put(parts, at, index)
    }
    if (parts.size > 1) this.#fragments += parts.size
    await this.#read(keys, parts, answers)
    if (spots !== undefined) await this.#readElsewhere(keys, spots, answers)
    for (const answer of answers) if (answer instanceof Error) this.#unreadable++
    return answers
  }

  /** @throws StoreError, as a rejection, if not one of the keys could be read. */
  async many(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const all = await this.settled(keys)
    let failure: Error | undefined
    let failures = 0
    for (const answer of all) {
      if (!(answer instanceof Error)) continue
      failure ??= answer
      failures++
    }
    if (failure !== undefined && failures === all.length) throw failure
    return all.map((answer) => (answer instanceof Uint8Array ? answer : undefined))
  }

  async #read(
    keys: readonly string[],
    parts: ReadonlyMap<ShardServer, readonly number[]>,
    answers: SettledRead[],
  ): Promise<void> {
    await Promise.all(
      Array.from(parts, async ([server, indexes]) => {
        try {
          const all = await server.getMany(indexes.map((index) => keys[index]!))
          for (let at = 0; at < indexes.length; at++) answers[indexes[at]!] = all[at]
        } catch (error) {
          for (const index of indexes) answers[index] = error as SettledRead
        }
      }),
    )
  }

  /** The second copies of what could not be read, and the former servers of what was not there. */
  async #readElsewhere(
    keys: readonly string[],
    spots: readonly Spot[],
    answers: SettledRead[],
  ): Promise<void> {
    const parts = new Map<ShardServer, number[]>()
    for (let index = 0; index < keys.length; index++) {
      const { home, at, copy, before } = spots[index]!
      const answer = answers[index]
      const elsewhere = answer === undefined ? before : answer instanceof Error ? copy : undefined
      if (canAnswer(elsewhere, keys[index]!)) put(parts, elsewhere, index)
      else if (answer === undefined && at !== home && home.isOut) answers[index] = null
    }
    if (parts.size === 0) return
    const more = new Array<SettledRead>(keys.length).fill(undefined)
    await this.#read(keys, parts, more)
    for (const index of [...parts.values()].flat()) {
      if (more[index] instanceof Uint8Array && answers[index] === undefined) this.#foundBefore++
      answers[index] = more[index]
    }
  }
}

const inOrNone = (server: ShardServer) => (server.isOut ? undefined : server)

function canAnswer(server: ShardServer | undefined, key: string): server is ShardServer {
  return server !== undefined && !server.isOut && !server.missed.has(key)
}

function put(parts: Map<ShardServer, number[]>, server: ShardServer, index: number): void {
  const part = parts.get(server)
  if (part === undefined) parts.set(server, [index])
  else part.push(index)
}
