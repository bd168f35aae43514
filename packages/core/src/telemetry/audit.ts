import { channel } from 'node:diagnostics_channel'
import type { Cache } from '../cache.ts'
import { type Clock, keepAlive, systemClock, type TimerHandle } from '../clock.ts'
import { asSideListener } from '../observe/side-listener.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readFunction, readObject } from '../options/readers.ts'
import { engineOf, enginesOf, follow } from './insight.ts'
import {
  type Noticed,
  noticedIn,
  noticedInChange,
  noticedInError,
  noticedInRefusal,
  type SecurityEventName,
} from './security-events.ts'

/** One line of the audit stream. It holds no secret, no key, no id, no address of a visitor and no value. */
export interface AuditRecord {
  /** Of this shape; a change of meaning is another number. */
  readonly schemaVersion: 1
  /** When, as ISO 8601 in UTC. */
  readonly at: string
  readonly event: SecurityEventName
  readonly source: 'cache' | 'session' | 'store' | 'config'
  /** The name of the cache, or the one that sessions, a store or a configuration was handed in under. */
  readonly name: string
  /** More exactly, for some events; one word of a fixed list. */
  readonly reason?: string
  /** How often since the last record of the same event, name and reason. */
  readonly count: number
}

/** The counters of sessions that are a matter of security. */
export interface AuditedSessions {
  stats(): {
    readonly rejected: number
    readonly unknown: number
    readonly damaged: number
    readonly erased: number
  }
  on?(event: 'error', listener: (failure: { readonly error: Error }) => void): () => void
}

/** A store that does not hand out all it finds, such as an encrypted one. */
export interface AuditedStore {
  onRefused(listener: (key: string, reason: string) => void): () => void
}

/** A configuration that tells of its changes. */
export interface AuditedConfig {
  on(event: 'changed', listener: (event: { readonly parts: readonly string[] }) => void): () => void
  on(event: 'refused', listener: () => void): () => void
}

/** What is watched. */
export interface AuditSources {
  readonly caches?: Cache | readonly Cache[] | undefined
  /** What `createSessions` made, by a name for each. */
  readonly sessions?: Readonly<Record<string, AuditedSessions>> | undefined
  /** Encrypted stores that no cache stands on, such as those of sessions, by a name for each: a cache tells of its own. */
  readonly stores?: Readonly<Record<string, AuditedStore>> | undefined
  /** What `watchConfig` made, by a name for each. */
  readonly configs?: Readonly<Record<string, AuditedConfig>> | undefined
  /** Source of time. Default: the first cache's. */
  readonly clock?: Clock | undefined
}

/** After a record, the same thing is told again this much later at the earliest, with its count. */
const quietMs = 10_000

const sessionEvents = {
  rejected: 'session_tampered',
  unknown: 'session_fixation_blocked',
  damaged: 'session_damaged',
  erased: 'subject_erased',
} as const satisfies Record<string, SecurityEventName>

const security = channel('holdfast:security')

/**
 * Tells of security events until the returned function is called: bytes that were not believed, credentials and
 * certificates that were refused, addresses that were blocked, forged session cookies, clears, users whose sessions were
 * all ended, changes of the configuration. Each is told at once, what sessions count within ten seconds, and, while it
 * goes on, every ten seconds with its count, so that an attack does not become a flood of lines. The same records go to the
 * `node:diagnostics_channel` `holdfast:security`.
 * @throws InvalidOptionError
 */
export function audit(sources: AuditSources, write: (record: AuditRecord) => void): () => void {
  readObject(sources, 'audit(sources, write)')
  refuseUnknownNames(sources, ['caches', 'sessions', 'stores', 'configs', 'clock'], 'audit')
  readFunction(write, 'write of audit(sources, write)')
  const engines = sources.caches === undefined ? [] : enginesOf(sources.caches, 'audit')
  const trail = new Trail(sources.clock ?? engines[0]?.clock ?? systemClock, write)
  // A namespace is watched with its cache: each engine is followed by the first handle that leads to it.
  const followed = engines.map((engine) =>
    [sources.caches ?? []].flat().find((cache) => engineOf(cache as Cache, 'audit') === engine),
  )
  const ends = followed.map((cache) =>
    follow(cache as Cache, 'audit', (engine, again) =>
      engine.observer.tap((name, event) => {
        const noticed = noticedIn(name, event)
        if (noticed !== undefined) trail.note('cache', engine.name, noticed)
      }, again),
    ),
  )
  for (const [name, sessions] of Object.entries(sources.sessions ?? {}))
    ends.push(trail.follow(name, sessions))
  for (const [name, store] of Object.entries(sources.stores ?? {}))
    ends.push(
      store.onRefused((_key, reason) => {
        const noticed = noticedInRefusal(reason)
        if (noticed !== undefined) trail.note('store', name, noticed)
      }),
    )
  for (const [name, config] of Object.entries(sources.configs ?? {}))
    ends.push(
      config.on('changed', ({ parts }) => {
        for (const noticed of noticedInChange(parts)) trail.note('config', name, noticed)
      }),
      config.on(
        'refused',
        asSideListener(() => trail.note('config', name, { event: 'config_refused' })),
      ),
    )
  return () => {
    for (const end of ends.splice(0)) end()
    trail.close()
  }
}

/** What was told last of one thing, and what has come since. */
interface Line {
  readonly source: AuditRecord['source']
  readonly name: string
  readonly noticed: Noticed
  count: number
}

/** Turns what is noticed into records, each thing at most once in ten seconds. */
class Trail {
  readonly #clock: Clock
  readonly #write: (record: AuditRecord) => void
  /** Things told within the last ten seconds. There are few: events, names and reasons are few. */
  readonly #lines = new Map<string, Line>()
  readonly #looks: (() => void)[] = []
  #timer: TimerHandle
  #closed = false
  #hasWarned = false

  constructor(clock: Clock, write: (record: AuditRecord) => void) {
    this.#clock = clock
    this.#write = write
  }

  note(source: AuditRecord['source'], name: string, noticed: Noticed, count = 1): void {
    const id = JSON.stringify([source, name, noticed.event, noticed.reason])
    const line = this.#lines.get(id)
    if (line !== undefined) {
      line.count += count
      return
    }
    this.#lines.set(id, { source, name, noticed, count: 0 })
    this.#tell(source, name, noticed, count)
    this.#schedule()
  }

  /** Sessions count, and tell nobody: what their counters have moved by is looked at. */
  follow(name: string, sessions: AuditedSessions): () => void {
    let before = sessions.stats()
    this.#looks.push(() => {
      const now = sessions.stats()
      for (const counter of Object.keys(sessionEvents) as (keyof typeof sessionEvents)[]) {
        // Whoever counts less than before has begun anew, after a change of the configuration.
        const more = now[counter] - (now[counter] < before[counter] ? 0 : before[counter])
        if (more > 0) this.note('session', name, { event: sessionEvents[counter] }, more)
      }
      before = now
    })
    this.#schedule()
    // Of failures of their store they do tell, and otherwise nobody would.
    const hear = asSideListener(({ error }: { readonly error: Error }) => {
      const noticed = noticedInError(error)
      if (noticed !== undefined) this.note('session', name, noticed)
    })
    return sessions.on?.('error', hear) ?? (() => {})
  }

  #tell(source: AuditRecord['source'], name: string, noticed: Noticed, count: number): void {
    const at = new Date(this.#clock.now()).toISOString()
    const record: AuditRecord = { schemaVersion: 1, at, source, name, ...noticed, count }
    try {
      this.#write(record)
    } catch (error) {
      // Whoever writes the audit trail must not fail a request, nor fail unseen.
      if (!this.#hasWarned)
        process.emitWarning(
          `an audit record could not be written: ${error instanceof Error ? error.name : typeof error}`,
          { type: 'HoldfastWarning', code: 'HOLDFAST_AUDIT' },
        )
      this.#hasWarned = true
    }
    if (security.hasSubscribers) security.publish(record)
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined
      this.#round()
    }, quietMs)
    keepAlive(this.#timer, false)
  }

  /** Tells what has come since the last round; what was quiet is told at once the next time. */
  #round(): void {
    for (const [id, line] of this.#lines) {
      if (line.count === 0) this.#lines.delete(id)
      else this.#tell(line.source, line.name, line.noticed, line.count)
      line.count = 0
    }
    for (const look of this.#looks) look()
    if (this.#lines.size > 0 || this.#looks.length > 0) this.#schedule()
  }

  /** Nothing that was noticed is lost. */
  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    for (const look of this.#looks) look()
    for (const { source, name, noticed, count } of this.#lines.values())
      if (count > 0) this.#tell(source, name, noticed, count)
    this.#lines.clear()
  }
}
