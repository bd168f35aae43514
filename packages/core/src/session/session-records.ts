import { StoreError } from '../errors.ts'
import { type ClientDetails, unknownClient } from './client-details.ts'
import type { PatientStore, Waited } from './patient-store.ts'
import type { SessionCounters } from './session-counters.ts'
import { recorded, reserved, type SessionSettings } from './session-options.ts'
import {
  type Members,
  membersOf,
  readRecord,
  startsWith,
  withChanges,
  writeRecord,
} from './session-record.ts'

/** A session as it was last read or written. */
export interface KeptSession {
  readonly id: string
  readonly head: Uint8Array
  /** Unix milliseconds. */
  readonly createdAt: number
  readonly lastActivityAt: number
  readonly client: ClientDetails
  /** What the application keeps, each field as its JSON. */
  readonly fields: Members
}

/** A session as it was read, and its fields as values, which may be changed. */
export interface FoundSession extends KeptSession {
  readonly values: Record<string, unknown>
}

type Changes = ReadonlyMap<string, string | undefined>

/** A record that begins again with another state in each of so many looks is left alone. */
const mostTries = 200
/** Long enough that every retry of the write that left it has ended. */
const retiredMs = 60_000
const retired: Members = new Map([['destroyed', 'true']])

/**
 * Sessions in their store. A new one is added, which overwrites nothing; a change replaces the version it was made to,
 * is merged where that has gone on, and is dropped where the session is gone, so that nothing brings one back.
 */
export class SessionRecords {
  readonly #patient: PatientStore
  readonly #settings: SessionSettings
  readonly #counters: SessionCounters

  constructor(patient: PatientStore, settings: SessionSettings, counters: SessionCounters) {
    this.#patient = patient
    this.#settings = settings
    this.#counters = counters
  }

  key(id: string): string {
    return this.#settings.prefix + id
  }

  async load(id: string, waited: Waited): Promise<FoundSession | undefined> {
    const key = this.key(id)
    const bytes = await this.#patient.run('get', (store) => store.get(key), waited)
    return bytes && this.read(id, bytes)
  }

  /** What stored bytes say; `undefined` for damaged ones and for what was left of a session that has moved. */
  read(id: string, bytes: Uint8Array): FoundSession | undefined {
    const record = readRecord(bytes)
    if (record === undefined) {
      this.#counters.damaged++
      return undefined
    }
    const { head, members } = record
    if (isRetired(members)) return undefined
    const createdAt = instant(members.created_at) ?? this.#settings.clock.now()
    const values = this.#valuesOf(members)
    let fields: Members | undefined
    return {
      id,
      head,
      createdAt,
      lastActivityAt: instant(members.last_activity) ?? createdAt,
      client: this.#settings.record
        ? { ip: text(members.ip), userAgent: text(members.user_agent) }
        : unknownClient,
      values,
      // Told in time by whoever is about to change a value: see `LiveSession`.
      get fields() {
        fields ??= membersOf(values)
        return fields
      },
    }
  }

  /** Whether a member is written by this library, and not by the application. */
  isReserved(name: string): boolean {
    return reserved.has(name) || (this.#settings.record && recorded.has(name))
  }

  #valuesOf(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(members).filter(([name]) => !this.isReserved(name)))
  }

  /** When a session ends whatever happens; skew between processes moves it by that skew. */
  endsAt(createdAt: number): number {
    return createdAt + this.#settings.ttlMs
  }

  /** How long a session that is used now may stay. */
  lifeMs(createdAt: number): number {
    const { idleMs, clock } = this.#settings
    return Math.min(idleMs, this.endsAt(createdAt) - clock.now())
  }

  /** `undefined` where it was barred meanwhile: then nothing is stored. */
  async create(
    id: string,
    fields: Members,
    client: ClientDetails,
    waited: Waited,
  ): Promise<KeptSession | undefined> {
    const now = this.#settings.clock.now()
    const { kept, bytes } = this.#write(id, now, fields, client)
    const key = this.key(id)
    const keep = { ttlMs: this.lifeMs(now) }
    const there = await this.#patient.run('add', (store) => store.add!(key, bytes, keep), waited)
    // What is there can only be what an earlier try of this very write left: ids are never drawn twice.
    if (there !== undefined && !startsWith(there, kept.head)) {
      const record = readRecord(there)
      if (record !== undefined && isRetired(record.members)) return this.#dropped()
      throw new StoreError('another session has this id', {
        kind: 'protocol',
        store: this.#patient.store.name,
        operation: 'add',
      })
    }
    this.#counters.created++
    return kept
  }

  /** The session with these changes made to it, or `undefined` where there is none any more: then they are dropped. */
  async update(
    kept: KeptSession,
    changes: Changes,
    client: ClientDetails,
    waited: Waited,
  ): Promise<KeptSession | undefined> {
    const key = this.key(kept.id)
    let base: KeptSession = kept
    for (let tries = 0; tries < mostTries; tries++) {
      const fields = withChanges(base.fields, changes)
      const { kept: written, bytes } = this.#write(kept.id, base.createdAt, fields, client)
      // Not above 0: it has ended, and the store takes away what is still there of it.
      const keep = { ttlMs: Math.max(0, this.lifeMs(base.createdAt)) }
      const { head } = base
      const isDone = await this.#patient.run(
        'replace',
        (store) => store.replace!(key, head, bytes, keep),
        waited,
      )
      if (isDone) return this.#saved(written, keep.ttlMs)
      const stored = await this.#patient.run('get', (store) => store.get(key), waited)
      if (stored === undefined) return this.#dropped()
      if (startsWith(stored, written.head)) return this.#saved(written, keep.ttlMs)
      const theirs = this.read(kept.id, stored)
      if (theirs === undefined) return this.#dropped()
      this.#counters.conflicts++
      base = theirs
    }
    throw this.#restless()
  }

  #saved(written: KeptSession, ttlMs: number): KeptSession | undefined {
    if (ttlMs <= 0) return this.#dropped()
    this.#counters.saved++
    return written
  }

  #dropped(): undefined {
    this.#counters.dropped++
    return undefined
  }

  #restless(): StoreError {
    return new StoreError(`a session was changed ${mostTries} times while it was being saved`, {
      kind: 'overloaded',
      store: this.#patient.store.name,
      operation: 'replace',
    })
  }

  /** Gives a session its idle time anew, and says whether there is one. It never creates one. */
  async touch(kept: KeptSession, client: ClientDetails, waited: Waited): Promise<boolean> {
    const ttlMs = this.lifeMs(kept.createdAt)
    if (ttlMs <= 0) return false
    if (this.#patient.store.touch === undefined)
      return (await this.update(kept, new Map(), client, waited)) !== undefined
    const key = this.key(kept.id)
    const isThere = await this.#patient.run(
      'touch',
      (store) => store.touch!(key, { ttlMs }),
      waited,
    )
    if (isThere) this.#counters.touched++
    else this.#counters.dropped++
    return isThere
  }

  async remove(id: string, waited: Waited): Promise<void> {
    const key = this.key(id)
    await this.#patient.run('delete', (store) => store.delete(key), waited)
  }

  /**
   * Ends a session that lives on under another id. Its version must be the one that was carried over, else what it is
   * now, or `undefined` where it is gone. It is marked before it is deleted, so that a marking whose answer got lost
   * can be told from somebody else's logout.
   */
  async retire(kept: KeptSession, waited: Waited): Promise<'done' | KeptSession | undefined> {
    const key = this.key(kept.id)
    const mark = writeRecord(retired)
    const isDone = await this.#patient.run(
      'replace',
      (store) => store.replace!(key, kept.head, mark.bytes, { ttlMs: retiredMs }),
      waited,
    )
    if (!isDone) {
      const stored = await this.#patient.run('get', (store) => store.get(key), waited)
      if (stored === undefined) return undefined
      if (!startsWith(stored, mark.head)) return this.read(kept.id, stored)
    }
    // Dead already; the store forgets the mark by itself where this fails.
    await this.remove(kept.id, waited).catch(() => undefined)
    return 'done'
  }

  /** Keeps a session from being stored that somebody is about to, or says what it is by now. */
  async bar(id: string, waited: Waited): Promise<FoundSession | undefined> {
    const key = this.key(id)
    const { bytes } = writeRecord(retired)
    const keep = { ttlMs: retiredMs }
    const there = await this.#patient.run('add', (store) => store.add!(key, bytes, keep), waited)
    return there && this.read(id, there)
  }

  #write(
    id: string,
    createdAt: number,
    fields: Members,
    client: ClientDetails,
  ): { readonly kept: KeptSession; readonly bytes: Uint8Array } {
    const lastActivityAt = this.#settings.clock.now()
    const members = new Map<string, string>([
      ['created_at', json(createdAt)],
      ['last_activity', json(lastActivityAt)],
    ])
    if (this.#settings.record) {
      if (client.ip !== undefined) members.set('ip', JSON.stringify(client.ip))
      if (client.userAgent !== undefined) {
        members.set('user_agent', JSON.stringify(client.userAgent))
      }
    }
    for (const [name, value] of fields) if (!this.isReserved(name)) members.set(name, value)
    const { head, bytes } = writeRecord(members)
    return { kept: { id, head, createdAt, lastActivityAt, client, fields }, bytes }
  }
}

const json = (at: number) => JSON.stringify(new Date(at).toISOString())

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

function isRetired(members: Readonly<Record<string, unknown>>): boolean {
  return members.destroyed === true && Object.keys(members).length === 1
}

function instant(value: unknown): number | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}
