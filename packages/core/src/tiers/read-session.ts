import type { ExpiredBy } from '../entry/entry.ts'
import type { DecodedValue } from '../entry/envelope.ts'
import type { VersionMark } from '../entry/value-body.ts'
import type { Scope } from '../invalidation/scope.ts'
import { earliestRefreshAt } from '../read/early-refresh.ts'
import type { Engine } from '../read/engine.ts'
import { staleByTag, type VersionStamps } from './version-stamps.ts'
import { keyOfMark, namespaceRefs } from './versions.ts'

/** Why a stored value is not usable any more. */
export type Gone = 'ttl' | 'clear' | `tag ${string}`

/** How a stored value stands by now. */
export interface Standing {
  /** Why it is not usable any more, if it is not. */
  readonly gone: Gone | undefined
  /** Unix milliseconds; earlier than it was stored with, if it was expired by a tag. */
  readonly staleAt: number
  readonly expiredBy: ExpiredBy | undefined
}

/** What all entries of one answer of the store are judged by. Each clock is read once for all of them. */
export class Session {
  readonly stamps = new Map<string, VersionStamps>()
  /** When the store was asked, on this process's monotonic clock. */
  readonly readAt: number
  /** Keys that the journal held when the store was asked: what it says of them may be from before they were made up for. */
  held: Set<string> | undefined
  now = 0
  wallNow = 0
  maxAgeMs = 0
  #scope: Scope | undefined
  #versions: readonly VersionMark[] | undefined
  #overtaken: Gone | undefined

  constructor(readAt: number) {
    this.readAt = readAt
  }

  /** All versions are known; what follows is judged at this instant. */
  begin(engine: Engine, maxAgeMs: number): void {
    this.now = engine.clock.monotonic()
    this.wallNow = engine.clock.now()
    this.maxAgeMs = maxAgeMs
  }

  #whyGone(scope: Scope, value: DecodedValue): Gone | undefined {
    if (this.wallNow >= value.expiresAt) return 'ttl'
    // Entries of one namespace name the same versions: `readValue` makes one list for those that follow each other.
    if (this.#versions !== value.versions || this.#scope !== scope) {
      this.#overtaken = whyOvertaken(scope, value.versions, this.stamps)
      this.#versions = value.versions
      this.#scope = scope
    }
    return this.#overtaken
  }

  /** Neither gone nor stale, and not in the part of its life in which a read may refresh it early. */
  isPlainlyFresh(scope: Scope, value: DecodedValue): boolean {
    const { storedAt, staleAt } = value
    const ahead = this.now - this.wallNow
    // In whole milliseconds, as entries count.
    const until = earliestRefreshAt(Math.trunc(storedAt + ahead), Math.trunc(staleAt + ahead))
    return (
      this.now < Math.trunc(until) &&
      this.now < Math.trunc(this.readAt + this.maxAgeMs) &&
      this.#whyGone(scope, value) === undefined &&
      staleByTag(scope, value, this.stamps) === undefined
    )
  }

  /** How a value stands: gone, or stale since when. */
  standing(scope: Scope, value: DecodedValue): Standing {
    const { staleAt } = value
    const gone = this.#whyGone(scope, value)
    const expired = gone === undefined ? staleByTag(scope, value, this.stamps) : undefined
    // By the clock of a machine that is ahead it may be expired in an hour from now. It is stale already.
    const at = expired === undefined ? staleAt : Math.min(expired.at, this.wallNow)
    if (expired === undefined || at >= staleAt) return { gone, staleAt, expiredBy: undefined }
    const expiredBy = `tag ${expired.tag}` as const
    const windowMs = Math.max(value.staleWhileRevalidateMs, value.staleIfErrorMs)
    return { gone: this.wallNow < at + windowMs ? undefined : expiredBy, staleAt: at, expiredBy }
  }
}

function whyOvertaken(
  scope: Scope,
  versions: readonly VersionMark[],
  stamps: ReadonlyMap<string, VersionStamps>,
): Gone | undefined {
  let namespaces = 0
  for (const mark of versions) {
    if (mark.scope === 'expiry') continue
    const key = keyOfMark(scope, mark)
    if (key === undefined || stamps.get(key)?.stamp !== mark.stamp)
      return mark.scope === 'tag' ? `tag ${mark.name.slice(mark.name.indexOf(':') + 1)}` : 'clear'
    if (mark.scope === 'namespace') namespaces++
  }
  // Written by a process that knew fewer namespaces around it, or none: nothing says that it was not cleared.
  return namespaces === namespaceRefs(scope).length ? undefined : 'clear'
}
