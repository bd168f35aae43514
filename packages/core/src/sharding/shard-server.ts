import type { StoreError } from '../errors.ts'
import { Breaker } from '../resilience/breaker.ts'
import type { Deadlines } from '../resilience/deadlines.ts'
import type { Store, StoreEntry } from '../store/store.ts'
import { Ejection } from './ejection.ts'
import { deleteAll, getAll, lengthOf, setAll } from './many-keys.ts'
import { MissedDeletes } from './missed-deletes.ts'
import { Call, speaksOfTheServer } from './server-call.ts'
import {
  AbsenceErrors,
  answerLate,
  closedMeanwhile,
  type ServerOperation,
  toldOfServer,
} from './server-errors.ts'
import { ServerCounts, type ServerStats } from './server-stats.ts'
import type { ShardedSettings } from './sharded-options.ts'
import { Slowness } from './slowness.ts'
import { TurnGets } from './turn-gets.ts'

interface Gate {
  succeeded(): void
  failed(): void
  stop(): void
}

/** A first connection takes its time; until then silence says nothing. */
const connectGraceMs = 500

/**
 * One server of a sharded store: its own deadline, its own judgement of whether it answers, its own count of what it
 * missed.
 */
export class ShardServer {
  readonly name: string
  readonly weight: number
  readonly store: Store
  readonly missed: MissedDeletes
  /** Keys of other servers that were stored here while those were out. */
  readonly strays = new Set<string>()
  readonly #settings: ShardedSettings
  readonly #deadlines: Deadlines
  readonly #isPartial: (server: ShardServer) => boolean
  readonly #onChange: () => void
  readonly #gate: Gate
  readonly #ejection: Ejection | undefined
  readonly #counts = new ServerCounts()
  readonly #absence = new AbsenceErrors()
  readonly #slowness = new Slowness()
  readonly #calls = new Set<Call<unknown>>()
  readonly #gets = new TurnGets(
    () => this.#calls.size === 0,
    (key) => this.#getOne(key),
    (keys) => this.getMany(keys),
  )
  #isOut = false
  #closed = false
  #firstSentAt: number | undefined
  #answeredAt: number | undefined
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(
    place: { readonly name: string; readonly weight: number; readonly store: Store },
    settings: ShardedSettings,
    deadlines: Deadlines,
    hooks: {
      /** Whether others answer while this one does not. */
      readonly isPartial: (server: ShardServer) => boolean
      /** Resolves when the server answers, and everything that it missed was made up for. */
      readonly admit: (server: ShardServer) => Promise<void>
      readonly onChange: () => void
    },
  ) {
    this.name = place.name
    this.weight = place.weight
    this.store = place.store
    this.missed = new MissedDeletes(settings.journalKeys)
    this.#settings = settings
    this.#deadlines = deadlines
    this.#isPartial = hooks.isPartial
    this.#onChange = hooks.onChange
    const probe = () => hooks.admit(this)
    if (settings.onFailure === 'rehash') {
      this.#ejection = new Ejection(settings, settings.clock, probe, (isOut) => this.#turn(isOut))
      this.#gate = this.#ejection
    } else {
      const breaker = {
        failuresInARow: Math.max(1, settings.failureLimit),
        failureShare: 0.5,
        minimumOperations: 20,
        windowMs: 1_000,
        openMs: settings.retryAfterMs,
        maxOpenMs: settings.maxRetryAfterMs,
      }
      this.#gate = new Breaker(breaker, settings.clock, probe, (state) =>
        this.#turn(state !== 'closed'),
      )
    }
  }

  /** Nothing is sent to it. */
  get isOut(): boolean {
    return this.#isOut
  }

  /** Lets a server whose time is up come back, where nobody probes. */
  look(): void {
    this.#ejection?.look()
  }

  #turn(isOut: boolean): void {
    if (isOut === this.#isOut) return
    this.#isOut = isOut
    this.#absence.forget()
    if (isOut) {
      this.#counts.ejected(this.#settings.clock.now())
      // Who waits for it now would wait in vain, each for its own deadline.
      for (const call of [...this.#calls])
        if (!call.isProbe) call.end(this.unavailable(call.operation))
    }
    this.#onChange()
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#gets.get(key)
  }

  async #getOne(key: string): Promise<Uint8Array | undefined> {
    const bytes = await this.run('get', key.length, (store) => store.get(key))
    this.#counts.received(bytes)
    return bytes
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const all = await this.run('getMany', lengthOf(keys), (store) => getAll(store, keys))
    for (const bytes of all) this.#counts.received(bytes)
    return all
  }

  setMany(entries: readonly StoreEntry[]): Promise<void> {
    let bytes = 0
    for (const entry of entries) bytes += entry.key.length + entry.bytes.byteLength
    return this.run('setMany', bytes, (store) => setAll(store, entries))
  }

  deleteMany(keys: readonly string[]): Promise<void> {
    return this.run('deleteMany', lengthOf(keys), (store) => deleteAll(store, keys))
  }

  /** One operation of a caller, under the deadline, judged by what becomes of it. */
  run<T>(operation: string, bytes: number, send: (store: Store) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedMeanwhile(this.#of(operation)))
    if (this.#isOut) return Promise.reject(this.unavailable(operation))
    this.#counts.requestBytes += bytes
    return this.#call(operation, false, send)
  }

  /** As `run`, but sent whether the server is out or not, and without consequences. */
  attempt<T>(operation: string, send: (store: Store) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedMeanwhile(this.#of(operation)))
    return this.#call(operation, true, send)
  }

  #call<T>(operation: string, isProbe: boolean, send: (store: Store) => Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#settings
    const sentAt = clock.monotonic()
    this.#counts.requests++
    this.#firstSentAt ??= sentAt
    return new Promise<T>((resolve, reject) => {
      const call = new Call<T>(operation, isProbe, sentAt, resolve, reject, (late) => {
        this.#deadlines.remove(late)
        this.#calls.delete(late as Call<unknown>)
      })
      call.onLate = () => {
        this.#counts.timedOut++
        this.#failed(call, answerLate(this.#of(operation), timeoutMs), !this.#isSilentSince(sentAt))
      }
      this.#calls.add(call as Call<unknown>)
      this.#deadlines.add(call, timeoutMs, sentAt)
      let answer: Promise<T>
      try {
        answer = send(this.store)
      } catch (error) {
        this.#failed(call, error)
        return
      }
      answer.then(
        (value) => {
          if (call.isOver) return
          const now = clock.monotonic()
          this.#answeredAt = now
          this.#counts.answered(now - sentAt)
          if (!isProbe) {
            this.#gate.succeeded()
            this.#pace(false, now)
          }
          call.answer(value)
        },
        (error: unknown) => {
          if (!call.isOver) this.#failed(call, error)
        },
      )
    })
  }

  /** Nothing came from it since then. */
  #isSilentSince(sentAt: number): boolean {
    if (this.#answeredAt !== undefined) return this.#answeredAt < sentAt
    return this.#settings.clock.monotonic() - (this.#firstSentAt ?? 0) >= connectGraceMs
  }

  /** @param isBusy it ran out of time while the server, or the way to it, is alive. */
  #failed<T>(call: Call<T>, error: unknown, isBusy = false): void {
    const { fullIsFailure, clock } = this.#settings
    const isUnwell = speaksOfTheServer(error, fullIsFailure)
    call.end(
      isUnwell ? toldOfServer(error, this.#of(call.operation), this.#isPartial(this)) : error,
    )
    if (isUnwell) this.#counts.errors++
    else this.#answeredAt = clock.monotonic()
    if (call.isProbe) return
    if (!isUnwell) this.#gate.succeeded()
    else if (isBusy) this.#pace(true, clock.monotonic())
    // What was under way when the server failed is one failure, as one lost connection is to twemproxy.
    else if (call.sentAt >= this.#failedAt) {
      this.#failedAt = clock.monotonic()
      this.#gate.failed()
    }
  }

  #pace(isLate: boolean, now: number): void {
    if (!this.#slowness.note(isLate, now)) return
    const { failureLimit } = this.#settings
    for (let times = 0; times < Math.max(1, failureLimit); times++) this.#gate.failed()
  }

  /** What a call gets that was not sent, as nothing is sent to it at present: the same for all of an absence. */
  unavailable(operation: string): StoreError {
    return this.#absence.of(this.#of(operation), this.#isPartial(this))
  }

  #of(operation: string): ServerOperation {
    return { server: this.name, store: this.#settings.name, operation }
  }

  stats(): ServerStats {
    const counts = this.#counts.summary()
    return {
      ...counts,
      weight: this.weight,
      state: this.#isOut ? 'out' : 'in',
      ejects: this.#ejection?.ejects ?? counts.ejects,
      inQueue: this.#gets.waiting,
      outQueue: this.#calls.size,
      missedDeletes: this.missed.size,
    }
  }

  /** @param keepStore leaves the store open, which others use. */
  async close(keepStore = false): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#gate.stop()
    this.#gets.refuse(closedMeanwhile(this.#of('get')))
    for (const call of [...this.#calls]) call.end(closedMeanwhile(this.#of(call.operation)))
    if (!keepStore) await this.store.close?.()
  }
}
