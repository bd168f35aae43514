import { parseExactJson } from '../entry/parse-exact-json.ts'
import { ClosedError } from '../errors.ts'
import type { ClientDetails } from './client-details.ts'
import { checkName, checkValue, define } from './field-value.ts'
import { refuseCallback, refusingMembers } from './other-habits.ts'
import type { Waited } from './patient-store.ts'
import type { Session } from './session.ts'
import { newSessionId } from './session-id.ts'
import type { SessionKeeper } from './session-keeper.ts'
import { changesBetween, type Members, membersOf, withChanges } from './session-record.ts'
import type { FoundSession, KeptSession } from './session-records.ts'

type State = 'new' | 'stored' | 'gone' | 'destroyed'

/** How a session begins in a request. */
export interface SessionStart {
  readonly keeper: SessionKeeper
  readonly kept: FoundSession | undefined
  readonly client: ClientDetails
  /** What finding it has cost the request already. */
  readonly waited: Waited
  /** The client has shown a cookie that we signed. */
  readonly hadCookie: boolean
  /** The cookie was signed with an older secret. */
  readonly renewCookie: boolean
}

export class LiveSession implements Session {
  readonly #keeper: SessionKeeper
  readonly #client: ClientDetails
  readonly #waited: Waited
  readonly #hadCookie: boolean
  #kept: KeptSession | undefined
  #id: string
  #state: State
  #data: Record<string, unknown>
  /** What may differ from what is kept: fields that were set, and values that were handed out and can be changed. */
  readonly #open = new Set<string>()
  /** All of it may. */
  #isAllOpen = false
  /** What the response owes the client. */
  #cookieDue: 'hand-out' | 'take-back' | undefined
  /** The last of what was begun and has not ended. */
  #running: Promise<unknown> | undefined

  constructor({ keeper, kept, client, waited, hadCookie, renewCookie }: SessionStart) {
    this.#keeper = keeper
    this.#client = client
    this.#waited = waited
    this.#hadCookie = hadCookie
    this.#kept = kept
    this.#id = kept?.id ?? newSessionId()
    this.#state = kept === undefined ? 'new' : 'stored'
    this.#data = kept?.values ?? {}
    this.#cookieDue = renewCookie && kept !== undefined ? 'hand-out' : undefined
  }

  get id(): string {
    return this.#id
  }

  get isNew(): boolean {
    return this.#state === 'new'
  }

  get createdAt(): number | undefined {
    return this.#kept?.createdAt
  }

  get lastActivityAt(): number | undefined {
    return this.#kept?.lastActivityAt
  }

  get data(): Record<string, unknown> {
    this.#noteFields()
    this.#isAllOpen = true
    return this.#data
  }

  get<V = unknown>(field: string): V | undefined {
    if (!Object.hasOwn(this.#data, field)) return undefined
    const value = this.#data[field]
    if (typeof value === 'object' && value !== null) this.#handOut(field)
    return value as V
  }

  set(field: string, value: unknown): void {
    this.#refuseDestroyed('set')
    checkName(field, this.#keeper)
    if (value === undefined) {
      this.delete(field)
      return
    }
    checkValue(field, value)
    this.#handOut(field)
    define(this.#data, field, value)
  }

  delete(field: string): void {
    this.#refuseDestroyed('delete')
    this.#handOut(field)
    delete this.#data[field]
  }

  save(...given: readonly never[]): Promise<void> {
    refuseCallback('save', given)
    return this.#inTurn(async () => {
      this.#refuseDestroyed('save')
      await this.#save()
    })
  }

  touch(...given: readonly never[]): Promise<void> {
    refuseCallback('touch', given)
    return this.#inTurn(() => this.#touch())
  }

  regenerate(...given: readonly never[]): Promise<void> {
    refuseCallback('regenerate', given)
    return this.#inTurn(async () => {
      if (this.#state !== 'stored' || this.#kept === undefined) {
        if (this.#state !== 'new') this.#data = {}
        this.#kept = undefined
        this.#id = newSessionId()
        this.#state = 'new'
        return
      }
      const fields = this.#fields()
      const moved = await this.#keeper.move(this.#kept, fields, this.#client, this.#waited)
      if (moved === undefined) this.#state = 'gone'
      else {
        this.#took(moved, fields)
        this.#cookieDue = 'hand-out'
      }
    })
  }

  destroy(...given: readonly never[]): Promise<void> {
    refuseCallback('destroy', given)
    return this.#inTurn(async () => {
      if (this.#state === 'stored') await this.#keeper.destroy(this.#id, this.#waited)
      this.#state = 'destroyed'
      this.#kept = undefined
      this.#data = {}
      this.#cookieDue = this.#hadCookie || this.#cookieDue ? 'take-back' : undefined
    })
  }

  /** Whether the store has to be asked before the response may go. */
  get isUnsettled(): boolean {
    return this.#running !== undefined || this.hasChanged
  }

  /** Whether there are changes that are not stored. */
  get hasChanged(): boolean {
    if (this.#state === 'new') return this.#fields().size > 0
    return this.#state === 'stored' && this.#changes().size > 0
  }

  /**
   * What the end of a request does: stores what has changed. What a handler began and did not wait for is waited for here, and its failure is the request's.
   */
  settle(): Promise<void> {
    const begun = this.#running
    return this.#inTurn(async () => {
      if (begun !== undefined) await begun
      await this.#save()
    })
  }

  /** Behind the response: nothing is lost where it fails, at worst the session ends too early; the next one tries again. */
  tellUse(): void {
    this.#touch().catch(() => undefined)
  }

  /** The value of `Set-Cookie`; `undefined` where the client has what it needs. */
  get cookie(): string | undefined {
    const due = this.#cookieDue
    if (due === 'take-back' && this.#state !== 'stored') return this.#keeper.cookieTakenBack()
    if (this.#state !== 'stored' || this.#kept === undefined || due === undefined) return undefined
    return this.#keeper.cookieFor(this.#kept)
  }

  noteCookie(): void {
    this.#cookieDue = undefined
  }

  /** A session that was stored only now needs a cookie, which a response under way cannot carry any more. */
  get owesCookie(): boolean {
    return this.#cookieDue !== undefined
  }

  async #save(): Promise<void> {
    if (this.#state === 'new') {
      const fields = this.#fields()
      if (fields.size === 0) return
      this.#kept = await this.#keeper.create(this.#id, fields, this.#client, this.#waited)
      this.#state = this.#kept === undefined ? 'gone' : 'stored'
      this.#cookieDue = 'hand-out'
      return
    }
    if (this.#state !== 'stored' || this.#kept === undefined) return
    const changes = this.#changes()
    if (changes.size === 0) return
    const fields = withChanges(this.#kept.fields, changes)
    const kept = await this.#keeper.update(this.#kept, changes, this.#client, this.#waited)
    if (kept === undefined) this.#state = 'gone'
    else this.#took(kept, fields)
  }

  async #touch(): Promise<void> {
    const kept = this.#kept
    if (this.#state !== 'stored' || kept === undefined || !this.#keeper.isTouchDue(kept)) return
    const isThere = await this.#keeper.touch(kept, this.#client, this.#waited)
    // It may have another id by now, or have been ended here.
    if (!isThere && this.#state === 'stored' && this.#id === kept.id) this.#state = 'gone'
  }

  #handOut(field: string): void {
    this.#noteFields()
    this.#open.add(field)
  }

  /** From here on somebody may change what is inside of a value, so what it was is written down. */
  #noteFields(): void {
    // Read for its effect: a session that was found says its fields from its values, which are still as they were.
    if (this.#open.size === 0 && !this.#isAllOpen) void this.#kept?.fields
  }

  /** What is stored now, with what others have changed; what was changed here since `asked` stays. */
  #took(kept: KeptSession, asked: Members): void {
    this.#kept = kept
    this.#id = kept.id
    const theirs = changesBetween(asked, kept.fields)
    if (theirs.size === 0) return
    const later = changesBetween(asked, membersOf(this.#data))
    for (const [name, json] of theirs) {
      if (later.has(name)) continue
      if (json === undefined) delete this.#data[name]
      else define(this.#data, name, parseExactJson(json))
    }
  }

  /** @throws as `#fields` */
  #changes(): ReadonlyMap<string, string | undefined> {
    if (!this.#isAllOpen && this.#open.size === 0) return none
    const kept = this.#kept?.fields ?? none
    if (this.#isAllOpen) return changesBetween(kept, this.#fields())
    const changes = new Map<string, string | undefined>()
    for (const name of this.#open) {
      const json = Object.hasOwn(this.#data, name) ? this.#jsonOf(name) : undefined
      if (json !== kept.get(name)) changes.set(name, json)
    }
    return changes
  }

  /** @throws CodecError, InvalidOptionError for what was put into `data` and could not be `set`. */
  #fields(): Members {
    const fields = new Map<string, string>()
    for (const name of Object.keys(this.#data)) {
      const json = this.#jsonOf(name)
      if (json !== undefined) fields.set(name, json)
    }
    return fields
  }

  #jsonOf(name: string): string | undefined {
    const value = this.#data[name]
    if (value === undefined) return undefined
    // What another service has put there may have any name.
    if (!this.#kept?.fields.has(name)) checkName(name, this.#keeper)
    checkValue(name, value)
    return JSON.stringify(value)
  }

  #refuseDestroyed(operation: string): void {
    if (this.#state === 'destroyed')
      throw new ClosedError(
        `${operation} on a session that was destroyed; regenerate() begins a new one`,
      )
  }

  /** One after the other, so that a save never overtakes the destroy before it. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#running === undefined ? run() : this.#running.then(run, run)
    this.#running = turn
    const ended = () => {
      if (this.#running === turn) this.#running = undefined
    }
    turn.then(ended, ended)
    return turn
  }
}

Object.setPrototypeOf(LiveSession.prototype, refusingMembers)

const none: Members = new Map()
