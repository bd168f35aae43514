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
/** From so many entries on, each login looks at so many of them, drawn by chance, and takes out those that are gone. */
const sample = 16

/** Logins of one user that are entered in one step. */
interface Batch {
  readonly entering: Map<string, number>
  readonly done: Promise<string[]>
}

/**
 * Which sessions a user has. Stores have no sets and cannot be asked for values, so each user has one more entry that
 * names the ids: `session-user:<SHA-256 of the user>`. An id is entered before its session is stored with that user,
 * so that no acknowledged session is missing; it is taken out when somebody looks and the session is gone.
 */
export class UserIndex {
  readonly #patient: PatientStore
  readonly #settings: SessionSettings
  readonly #running = new Map<string, Promise<string[]>>()
  readonly #waiting = new Map<string, Batch>()

  constructor(patient: PatientStore, settings: SessionSettings) {
    this.#patient = patient
    this.#settings = settings
  }

  /** The digest is of one length whatever names a user, holds no address, and any language can compute it. */
  key(user: string): string {
    const digest = createHash('sha256').update(user).digest('base64url')
    return `${this.#settings.prefix.replace(/:$/, '')}-user:${digest}`
  }

  /**
   * Enters a session, and says which ones are beyond the most a user may have: the oldest. While one login of a user is
   * being entered the others of this process wait, and are then entered together.
   */
  async enter(user: string, id: string, endsAt: number): Promise<string[]> {
    const waiting = this.#waiting.get(user)
    if (waiting !== undefined) {
      waiting.entering.set(id, endsAt)
      await waiting.done
      return []
    }
    const running = this.#running.get(user)
    const entering = new Map([[id, endsAt]])
    const begin = () => {
      if (this.#waiting.get(user)?.entering === entering) this.#waiting.delete(user)
      const done = this.#enterAll(user, entering)
      this.#running.set(user, done)
      const ended = () => {
        if (this.#running.get(user) === done) this.#running.delete(user)
      }
      done.then(ended, ended)
      return done
    }
    if (running === undefined) return begin()
    const done = running.then(begin, begin)
    this.#waiting.set(user, { entering, done })
    return done
  }

  async #enterAll(user: string, entering: ReadonlyMap<string, number>): Promise<string[]> {
    const { clock, sessionsPerUser } = this.#settings
    const waited = new Waited()
    const stored = await this.#get(user, waited)
    const known = [...entriesOf(stored).keys()]
    const gone = await this.#goneOf(this.#sampleOf(known), waited)
    let displaced: string[] = []
    await this.#change(user, stored, waited, (entries) => {
      this.#prune(entries, gone)
      for (const [id, endsAt] of entering) {
        entries.delete(id)
        entries.set(id, [clock.now(), Number.isFinite(endsAt) ? endsAt : null])
      }
      const byAge = [...entries.keys()].sort((a, b) => entries.get(a)![0] - entries.get(b)![0])
      displaced = byAge.slice(0, Math.max(0, byAge.length - sessionsPerUser))
      for (const id of displaced) entries.delete(id)
    })
    return displaced
  }

  #sampleOf(ids: readonly string[]): readonly string[] {
    const { clock, sessionsPerUser } = this.#settings
    if (ids.length < Math.min(sample, sessionsPerUser)) return []
    const from = Math.floor(clock.random() * ids.length)
    return [...ids.slice(from), ...ids.slice(0, from)].slice(0, sample)
  }

  /** The ids, and whether each was entered so lately that its session may be about to be stored. */
  async idsOf(user: string, waited: Waited): Promise<ReadonlyMap<string, boolean>> {
    const entries = entriesOf(await this.#get(user, waited))
    const now = this.#settings.clock.now()
    return new Map([...entries].map(([id, [addedAt]]) => [id, addedAt >= now - youngMs]))
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
