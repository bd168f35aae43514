import type { ClientDetails } from './client-details.ts'
import { PatientStore, type Waited } from './patient-store.ts'
import { type SessionCounters, type SessionStats, sessionCounters } from './session-counters.ts'
import { newSessionId } from './session-id.ts'
import type { SessionSettings } from './session-options.ts'
import { changesBetween, type Members, withChanges } from './session-record.ts'
import { type KeptSession, SessionRecords } from './session-records.ts'
import { clearCookie, setCookie } from './set-cookie.ts'
import { signId } from './signed-cookie.ts'
import { TouchPace } from './touch-pace.ts'
import { UserIndex } from './user-index.ts'

/** What all sessions of one `createSessions` share: where they lie, who has which, and what has happened. */
export class SessionKeeper {
  readonly settings: SessionSettings
  readonly counters: SessionCounters = sessionCounters()
  readonly records: SessionRecords
  readonly index: UserIndex
  readonly #patient: PatientStore
  readonly #pace: TouchPace

  constructor(settings: SessionSettings, onFailure: (error: Error) => void) {
    this.settings = settings
    this.#patient = new PatientStore(settings.store, settings.clock, settings, (error) => {
      this.counters.failed++
      onFailure(error)
    })
    this.records = new SessionRecords(this.#patient, settings, this.counters)
    this.index = new UserIndex(this.#patient, settings)
    this.#pace = new TouchPace(settings.clock)
  }

  stats(): SessionStats {
    const { retries, waiting } = this.#patient
    return { ...this.counters, retries, waiting }
  }

  isReserved(field: string): boolean {
    return this.records.isReserved(field)
  }

  isTouchDue(kept: KeptSession): boolean {
    return (
      this.settings.idleMs < Infinity &&
      this.#pace.isDue(kept.id, this.records.lifeMs(kept.createdAt))
    )
  }

  async create(
    id: string,
    fields: Members,
    client: ClientDetails,
    waited: Waited,
  ): Promise<KeptSession | undefined> {
    await this.#enter(fields, id, waited)
    const kept = await this.records.create(id, fields, client, waited)
    if (kept !== undefined) this.#noteUse(kept)
    return kept
  }

  async update(
    kept: KeptSession,
    changes: ReadonlyMap<string, string | undefined>,
    client: ClientDetails,
    waited: Waited,
  ): Promise<KeptSession | undefined> {
    if (changes.get(this.settings.userField) !== undefined)
      await this.#enter(withChanges(new Map(), changes), kept.id, waited)
    const now = await this.records.update(kept, changes, client, waited)
    if (now === undefined) this.#pace.forget(kept.id)
    else this.#noteUse(now)
    return now
  }

  async touch(kept: KeptSession, client: ClientDetails, waited: Waited): Promise<boolean> {
    // Noted before, so that other requests of this moment need not tell it, too.
    this.#noteUse(kept)
    let isThere = false
    try {
      isThere = await this.records.touch(kept, client, waited)
    } finally {
      if (!isThere) this.#pace.forget(kept.id)
    }
    return isThere
  }

  async destroy(id: string, waited: Waited): Promise<void> {
    await this.records.remove(id, waited)
    this.#pace.forget(id)
    this.counters.destroyed++
  }

  /**
   * The session under a new id. The new one is stored first and nobody knows its id yet; then the old one is ended in
   * the very version that was carried over, so that neither a change nor a logout in between is lost. `undefined` where
   * all sessions of its user were ended meanwhile.
   */
  async move(
    kept: KeptSession,
    fields: Members,
    client: ClientDetails,
    waited: Waited,
  ): Promise<KeptSession | undefined> {
    const changes = changesBetween(kept.fields, fields)
    let moved = await this.create(newSessionId(), fields, client, waited)
    if (moved === undefined) return undefined
    this.counters.created--
    try {
      let from: KeptSession = kept
      for (;;) {
        const ended = await this.records.retire(from, waited)
        if (ended === 'done') break
        // Logged out meanwhile: only what this request itself has said goes on.
        const theirs = ended === undefined ? new Map<string, string>() : ended.fields
        const carried = withChanges(theirs, changes)
        const correction = changesBetween(moved.fields, carried)
        const corrected = await this.update(moved, correction, client, waited)
        if (corrected !== undefined) moved = corrected
        if (ended === undefined) {
          this.counters.dropped++
          break
        }
        this.counters.conflicts++
        from = ended
      }
    } catch (error) {
      await this.records.remove(moved.id, waited).catch(() => undefined)
      throw error
    }
    this.#pace.forget(kept.id)
    this.counters.regenerated++
    return moved
  }

  cookieFor(kept: KeptSession): string {
    const { cookie, secrets, clock } = this.settings
    const lifeMs = this.records.endsAt(kept.createdAt) - clock.now()
    return setCookie(cookie, signId(kept.id, secrets[0]!), lifeMs)
  }

  cookieTakenBack(): string {
    return clearCookie(this.settings.cookie)
  }

  async #enter(fields: Members, id: string, waited: Waited): Promise<void> {
    const user = userName(fields.get(this.settings.userField))
    if (user === undefined) return
    const endsAt = this.records.endsAt(this.settings.clock.now())
    const displaced = await this.index.enter(user, id, endsAt)
    await Promise.all(displaced.map((oldest) => this.destroy(oldest, waited)))
  }

  #noteUse(kept: KeptSession): void {
    if (this.settings.idleMs < Infinity)
      this.#pace.note(kept.id, this.records.lifeMs(kept.createdAt))
  }
}

/** A user's name from its JSON: a text or a number. */
function userName(json: string | undefined): string | undefined {
  const value: unknown = json === undefined ? undefined : JSON.parse(json)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
