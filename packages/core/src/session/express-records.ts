import type { Clock } from '../clock.ts'
import { CodecError, StoreError } from '../errors.ts'
import { likelyMembers } from './likely-members.ts'
import { type PatientStore, Waited } from './patient-store.ts'
import {
  changesBetween,
  type Members,
  membersOf,
  readRecord,
  startsWith,
  withChanges,
  writeRecord,
} from './session-record.ts'
import { TouchPace } from './touch-pace.ts'

/** A session of express-session as it was last read or written. */
export interface StoredExpressSession {
  readonly head: Uint8Array
  readonly bytes: Uint8Array
  /** As it was read, for the session object that is made of it. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  /** What the session object held, where others have put more beside it. */
  readonly own?: Members | undefined
}

interface CookieLike {
  readonly expires?: unknown
  readonly originalMaxAge?: unknown
}

const mostTries = 200

/**
 * Sessions of express-session in their store: every member at the top level, the cookie among them. The version is
 * the first member also where an application has a field of that name, which then follows it.
 */
export class ExpressRecords {
  readonly #patient: PatientStore
  readonly #prefix: string
  readonly #ttlMs: number
  readonly #clock: Clock
  readonly #pace: TouchPace

  constructor(patient: PatientStore, prefix: string, ttlMs: number, clock: Clock) {
    this.#patient = patient
    this.#prefix = prefix
    this.#ttlMs = ttlMs
    this.#clock = clock
    this.#pace = new TouchPace(clock)
  }

  async load(id: string): Promise<StoredExpressSession | undefined> {
    const bytes = await this.#get(id)
    const record = bytes && readRecord(bytes)
    return record && { head: record.head, bytes, members: record.members }
  }

  /**
   * A fresh object with every member. A touch does not rewrite what is stored, so the end in the cookie lags behind;
   * the middleware moves it to where it is put here, before it answers the request that it reads a session for.
   */
  sessionOf({ members }: StoredExpressSession): Record<string, unknown> {
    const session = { ...members }
    const cookie = session.cookie as CookieLike | null | undefined
    const lifeMs = cookie?.originalMaxAge
    if (typeof cookie?.expires === 'string' && typeof lifeMs === 'number') {
      const at = new Date(this.#clock.now() + lifeMs)
      session.cookie = { ...cookie, expires: at.toISOString() }
    }
    return session
  }

  /** @throws CodecError for what is no JSON: a circle, a BigInt. */
  membersOf(session: object): Members {
    try {
      return membersOf(session as Record<string, unknown>)
    } catch (cause) {
      throw new CodecError('a session holds something that JSON cannot write', {
        cause: new Error((cause as Error).name),
      })
    }
  }

  /** How long a session may stay by its cookie. What is no date leaves the default. */
  lifeMs(session: object): number {
    const { expires } = (session as { cookie?: CookieLike }).cookie ?? {}
    const at =
      expires instanceof Date
        ? expires.getTime()
        : typeof expires === 'string'
          ? Date.parse(expires)
          : Number.NaN
    return Number.isNaN(at) ? this.#ttlMs : Math.max(0, at - this.#clock.now())
  }

  /**
   * Without an origin it is a new session, or one that somebody saves by hand: it takes the place of what is there.
   * Else its changes are made to what is there, and dropped where nothing is.
   */
  async save(
    id: string,
    members: Members,
    origin: StoredExpressSession | undefined,
    ttlMs: number,
  ): Promise<StoredExpressSession | undefined> {
    const waited = new Waited()
    const key = this.#prefix + id
    if (ttlMs <= 0) {
      await this.remove(id)
      return undefined
    }
    this.#pace.note(id, ttlMs)
    if (origin === undefined) return this.#create(key, members, ttlMs, waited)
    let { head } = origin
    let there = likelyMembers(origin.bytes, members) ?? parsed(origin.bytes)
    const changes = changesBetween(origin.own ?? there, members)
    for (let tries = 0; tries < mostTries; tries++) {
      const written = writeRecord(withChanges(there, changes))
      const asked = head
      const isDone = await this.#patient.run(
        'replace',
        (store) => store.replace!(key, asked, written.bytes, { ttlMs }),
        waited,
      )
      if (isDone) return { ...written, own: members }
      const stored = await this.#get(id, waited)
      if (stored === undefined) return undefined
      if (startsWith(stored, written.head)) return { ...written, own: members }
      const record = readRecord(stored)
      if (record === undefined) return undefined
      head = record.head
      there = membersOf(record.members)
    }
    throw new StoreError(`a session was changed ${mostTries} times while it was being saved`, {
      kind: 'overloaded',
      store: this.#patient.store.name,
      operation: 'replace',
    })
  }

  async #create(
    key: string,
    members: Members,
    ttlMs: number,
    waited: Waited,
  ): Promise<StoredExpressSession> {
    const written = writeRecord(members)
    const there = await this.#patient.run(
      'add',
      (store) => store.add!(key, written.bytes, { ttlMs }),
      waited,
    )
    if (there !== undefined && !startsWith(there, written.head))
      await this.#patient.run('set', (store) => store.set(key, written.bytes, { ttlMs }), waited)
    return written
  }

  async remove(id: string): Promise<void> {
    const key = this.#prefix + id
    this.#pace.forget(id)
    await this.#patient.run('delete', (store) => store.delete(key), new Waited())
  }

  /** Told to the store where it moves the session's end: every request touches. */
  async touch(id: string, ttlMs: number): Promise<void> {
    if (!this.#pace.isDue(id, ttlMs)) return
    await this.#touch(id, ttlMs)
    this.#pace.note(id, ttlMs)
  }

  async #touch(id: string, ttlMs: number): Promise<void> {
    const key = this.#prefix + id
    const waited = new Waited()
    const { touch } = this.#patient.store
    if (touch !== undefined) {
      await this.#patient.run('touch', (store) => store.touch!(key, { ttlMs }), waited)
      return
    }
    const stored = await this.load(id)
    if (stored === undefined) return
    // Another write in between has given it a new life, too.
    await this.#patient.run(
      'replace',
      (store) => store.replace!(key, stored.head, stored.bytes, { ttlMs }),
      waited,
    )
  }

  #get(id: string, waited = new Waited()): Promise<Uint8Array | undefined> {
    const key = this.#prefix + id
    return this.#patient.run('get', (store) => store.get(key), waited)
  }
}

const parsed = (bytes: Uint8Array) => membersOf(readRecord(bytes)?.members ?? {})
