import { createHash } from 'node:crypto'
import { StoreError } from '../errors.ts'
import { type PatientStore, Waited } from './patient-store.ts'
import type { SessionSettings } from './session-options.ts'
import { readRecord, startsWith, writeRecord } from './session-record.ts'

/** When an id was entered, and when its session ends whatever happens; Unix milliseconds. */
type Entry = readonly [addedAt: number, endsAt: number | null]
type Entries = Map<string, Entry>

const mostTries = 200
/** Somebody may have entered an id and be about to store its session: longer than every retry of that. */
const youngMs = 60_000
/** From so many entries on, those of sessions that are gone are looked for at each login. */
const crowd = 16

/**
 * Which sessions a user has. Stores have no sets and cannot be asked for values, so each user has one more entry that
 * names the ids: `session-user:<SHA-256 of the user>`. An id is entered before its session is stored with that user,
 * so that no acknowledged session is missing; it is taken out when somebody looks and the session is gone.
 */
export class UserIndex {
  readonly #patient: PatientStore
  readonly #settings: SessionSettings

  constructor(patient: PatientStore, settings: SessionSettings) {
    this.#patient = patient
    this.#settings = settings
  }

  /** The digest is of one length whatever names a user, holds no address, and any language can compute it. */
  key(user: string): string {
    const digest = createHash('sha256').update(user).digest('base64url')
    return `${this.#settings.prefix.replace(/:$/, '')}-user:${digest}`
  }

  /** Enters a session, and says which ones are beyond the most a user may have: the oldest. */
  async enter(user: string, id: string, endsAt: number, waited: Waited): Promise<string[]> {
    const { clock, sessionsPerUser } = this.#settings
    let gone = new Set<string>()
    const stored = await this.#get(user, waited)
    const entries = entriesOf(stored)
    if (entries.size >= Math.min(crowd, sessionsPerUser))
      gone = await this.#goneOf([...entries.keys()], waited)
    let displaced: string[] = []
    await this.#change(user, stored, waited, (current) => {
      this.#prune(current, gone)
      current.delete(id)
      const ids = [...current.keys()].sort((a, b) => current.get(a)![0] - current.get(b)![0])
      displaced = ids.slice(0, Math.max(0, ids.length + 1 - sessionsPerUser))
      for (const one of displaced) current.delete(one)
      current.set(id, [clock.now(), Number.isFinite(endsAt) ? endsAt : null])
    })
    return displaced
  }

  async idsOf(user: string, waited: Waited): Promise<string[]> {
    return [...entriesOf(await this.#get(user, waited)).keys()]
  }

  /** Takes out ids whose sessions were destroyed, and of `absent` those that nobody can be about to store any more. */
  async leave(
    user: string,
    destroyed: readonly string[],
    absent: readonly string[],
    waited: Waited,
  ): Promise<void> {
    if (destroyed.length + absent.length === 0) return
    await this.#change(user, await this.#get(user, waited), waited, (entries) => {
      for (const id of destroyed) entries.delete(id)
      this.#prune(entries, new Set(absent))
    })
  }

  #prune(entries: Entries, absent: ReadonlySet<string>): void {
    const now = this.#settings.clock.now()
    for (const [id, [addedAt, endsAt]] of entries) {
      const isOver = endsAt !== null && endsAt <= now - youngMs
      if (isOver || (absent.has(id) && addedAt < now - youngMs)) entries.delete(id)
    }
  }

  async #goneOf(ids: readonly string[], waited: Waited): Promise<Set<string>> {
    const found = await this.read(ids, waited)
    return new Set(ids.filter((_, index) => found[index] === undefined))
  }

  /** The stored bytes of sessions, in the order asked. */
  async read(ids: readonly string[], waited: Waited): Promise<readonly (Uint8Array | undefined)[]> {
    if (ids.length === 0) return []
    const keys = ids.map((id) => this.#settings.prefix + id)
    const { store } = this.#patient
    if (store.getMany !== undefined)
      return this.#patient.run('getMany', (to) => to.getMany!(keys), waited)
    return Promise.all(
      keys.map((key) => this.#patient.run('get', (to) => to.get(key), new Waited())),
    )
  }

  #get(user: string, waited: Waited): Promise<Uint8Array | undefined> {
    const key = this.key(user)
    return this.#patient.run('get', (store) => store.get(key), waited)
  }

  /** `stored` is what was there when it was last looked at. */
  async #change(
    user: string,
    stored: Uint8Array | undefined,
    waited: Waited,
    change: (entries: Entries) => void,
  ): Promise<void> {
    const key = this.key(user)
    for (let tries = 0; tries < mostTries; tries++) {
      const entries = entriesOf(stored)
      change(entries)
      if (stored === undefined && entries.size === 0) return
      const written = writeRecord(
        new Map([['sessions', JSON.stringify(Object.fromEntries(entries))]]),
      )
      const keep = { ttlMs: this.#lifeMs(entries) }
      if (stored === undefined) {
        const there = await this.#patient.run(
          'add',
          (store) => store.add!(key, written.bytes, keep),
          waited,
        )
        if (there === undefined || startsWith(there, written.head)) return
        stored = there
        continue
      }
      const head = readRecord(stored)?.head ?? stored
      const isDone = await this.#patient.run(
        'replace',
        (store) => store.replace!(key, head, written.bytes, keep),
        waited,
      )
      if (isDone) return
      stored = await this.#get(user, waited)
      if (stored !== undefined && startsWith(stored, written.head)) return
    }
    throw new StoreError(
      `the sessions of a user changed ${mostTries} times while one was entered`,
      {
        kind: 'overloaded',
        store: this.#patient.store.name,
        operation: 'replace',
      },
    )
  }

  /** As long as the session that ends last, and a while for clocks that differ. */
  #lifeMs(entries: Entries): number {
    const now = this.#settings.clock.now()
    let lifeMs = 0
    for (const [, endsAt] of entries.values())
      lifeMs = Math.max(lifeMs, endsAt === null ? Infinity : endsAt - now + youngMs)
    return lifeMs
  }
}

function entriesOf(bytes: Uint8Array | undefined): Entries {
  const sessions = bytes && readRecord(bytes)?.members.sessions
  if (typeof sessions !== 'object' || sessions === null) return new Map()
  return new Map(
    Object.entries(sessions).filter(
      (entry): entry is [string, Entry] =>
        Array.isArray(entry[1]) && typeof entry[1][0] === 'number',
    ),
  )
}
