import { type Clock, systemClock } from '../clock.ts'
import { UnsupportedError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { unmet } from '../options/expectation.ts'
import { readStore } from '../options/far-settings.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readBoolean, readCount, readObject } from '../options/readers.ts'
import type { Store } from '../store/store.ts'
import { ExpressRecords, type StoredExpressSession } from './express-records.ts'
import { expressNames, refuseNamesElsewhere } from './names-elsewhere.ts'
import { PatientStore } from './patient-store.ts'
import { checkSessionStore, readPrefix, readRetry, week } from './session-options.ts'

export interface ExpressSessionStoreOptions {
  /** What the keys of sessions begin with. Default `'session:'`. */
  readonly prefix?: string | undefined
  /** How long a session lives whose cookie has no end of its own. Default `'7d'`. */
  readonly ttl?: Duration | undefined
  /** As of `createSessions`. Default `'1.5s'`. */
  readonly retryFor?: Duration | undefined
  /** As of `createSessions`. Default 1,000. */
  readonly maxWaiting?: number | undefined
  /** As of `createSessions`. Default false. */
  readonly allowEviction?: boolean | undefined
  /** Source of time and chance. Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** The `express-session` module, of which only its `Store` is needed: it is extended, and nothing is imported. */
export interface ExpressSessionModule {
  readonly Store: abstract new (...args: never[]) => object
}

/** As Node has them: an error, or `null` and what was asked for. */
export type ExpressCallback<Value = void> = (error: unknown, value?: Value) => void

/** What `express-session` calls, beside what its own `Store` has. */
export interface ExpressSessionMethods {
  get(id: string, callback: ExpressCallback<unknown>): void
  set(id: string, session: object, callback?: ExpressCallback): void
  destroy(id: string, callback?: ExpressCallback): void
  touch(id: string, session: object, callback?: ExpressCallback): void
  /** All sessions, each with its `id`. For tools: it walks the store. */
  all(callback: ExpressCallback<Record<string, unknown>[]>): void
  length(callback: ExpressCallback<number>): void
  clear(callback?: ExpressCallback): void
}

interface BaseStore {
  createSession(request: unknown, session: object): object
}

const options = ['prefix', 'ttl', 'retryFor', 'maxWaiting', 'allowEviction', 'clock'] as const

/**
 * A store for `express-session` with its whole contract. Two requests that change different fields lose neither, a
 * logout is not undone by a late save or touch, and a store that does not answer is an error with status 503.
 * @throws InvalidOptionError, UnsupportedError for a store without `add` and `replace`.
 */
export function expressSessionStore<Module extends ExpressSessionModule>(
  expressSession: Module,
  store: Store,
  given: ExpressSessionStoreOptions = {},
): InstanceType<Module['Store']> & ExpressSessionMethods {
  if (typeof expressSession?.Store !== 'function')
    throw unmet(
      'the first argument of expressSessionStore',
      'the module express-session',
      expressSession,
    )
  readStore(store, 'the store of expressSessionStore')
  readObject(given, 'expressSessionStore')
  refuseNamesElsewhere(given, expressNames, 'expressSessionStore')
  refuseUnknownNames(given, options, 'expressSessionStore')
  const prefix = readPrefix(given.prefix ?? 'session:', 'prefix')
  const ttlMs = parseDuration(given.ttl ?? week, 'ttl')
  if (ttlMs === 0) throw unmet('ttl', 'above 0', given.ttl)
  const retryForMs = readRetry(given.retryFor ?? 1_500, 'retryFor')
  const maxWaiting = readCount(0)(given.maxWaiting ?? 1_000, 'maxWaiting')
  checkSessionStore(
    store,
    'expressSessionStore',
    readBoolean(given.allowEviction ?? false, 'allowEviction'),
  )
  const clock = given.clock ?? systemClock
  const patient = new PatientStore(store, clock, { retryForMs, maxWaiting })
  const records = new ExpressRecords(patient, prefix, ttlMs, clock)
  /** What each session object was made from: what its changes are told from, and the version they replace. */
  const origins = new WeakMap<object, StoredExpressSession>()

  const Base = expressSession.Store as unknown as new () => BaseStore
  class HoldfastStore extends Base implements ExpressSessionMethods {
    override createSession(request: unknown, session: object): object {
      const origin = origins.get(session)
      const created = super.createSession(request, session)
      if (origin !== undefined) origins.set(created, origin)
      return created
    }

    get(id: string, callback: ExpressCallback<unknown>): void {
      answer(callback, async () => {
        const stored = await records.load(id)
        if (stored === undefined) return null
        const session = records.sessionOf(stored)
        origins.set(session, stored)
        return session
      })
    }

    set(id: string, session: object, callback?: ExpressCallback): void {
      answer(callback, async () => {
        const members = records.membersOf(session)
        const origin = origins.get(session)
        const stored = await records.save(id, members, origin, records.lifeMs(session))
        if (stored !== undefined) origins.set(session, stored)
      })
    }

    destroy(id: string, callback?: ExpressCallback): void {
      answer(callback, () => records.remove(id))
    }

    touch(id: string, session: object, callback?: ExpressCallback): void {
      answer(callback, () => records.touch(id, records.lifeMs(session)))
    }

    all(callback: ExpressCallback<Record<string, unknown>[]>): void {
      answer(callback, async () => {
        const all: Record<string, unknown>[] = []
        for await (const id of ids('all')) {
          const stored = await records.load(id)
          if (stored !== undefined) all.push({ ...records.sessionOf(stored), id })
        }
        return all
      })
    }

    length(callback: ExpressCallback<number>): void {
      answer(callback, async () => {
        let length = 0
        for await (const _ of ids('length')) length++
        return length
      })
    }

    clear(callback?: ExpressCallback): void {
      answer(callback, async () => {
        for await (const id of ids('clear')) await records.remove(id)
      })
    }
  }

  async function* ids(method: string): AsyncIterable<string> {
    if (store.list === undefined)
      throw new UnsupportedError(
        `${method} has to list all sessions, and the store '${store.name}' cannot list its keys`,
      )
    for await (const key of store.list(prefix)) yield key.slice(prefix.length)
  }

  return new HoldfastStore() as unknown as InstanceType<Module['Store']> & ExpressSessionMethods
}

/** Outside of the promise: what a callback throws is its own, and does not call it again. */
function answer<Value>(
  callback: ExpressCallback<Value> | undefined,
  run: () => Promise<Value>,
): void {
  run().then(
    (value) => callback && queueMicrotask(() => callback(null, value)),
    (error: unknown) => callback && queueMicrotask(() => callback(error)),
  )
}
