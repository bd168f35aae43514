import type { DecodedValue } from '../entry/envelope.ts'
import type { Stamp } from '../entry/head.ts'
import type { VersionMark } from '../entry/value-body.ts'
import type { Expiry } from '../invalidation/expiries.ts'
import type { Scope } from '../invalidation/scope.ts'
import { keyOfMark } from './versions.ts'

/**
 * What a stored version says. What was loaded under another stamp is gone; what was loaded under this one, before the
 * last expiry, is stale. An expiry only ever replaces a version of the same stamp, so that it undoes no invalidation;
 * a new stamp begins without any (docs/decisions/0008-soft-tags.md).
 */
export interface VersionStamps {
  readonly stamp: Stamp
  /** Oldest first, in Unix milliseconds of whoever wrote them. */
  readonly expiries?: readonly Expiry<Stamp>[]
}

/** The last time that it was expired, which is what a load sees of it. */
function lastExpiry(version: VersionStamps | undefined): Stamp | undefined {
  return version?.expiries?.at(-1)?.id
}

/** What an entry that is stored under a version says of it: its stamp and, if the tag was ever expired, the last expiry. */
export function marksOf(
  { scope, name }: Pick<VersionMark, 'scope' | 'name'>,
  version: VersionStamps,
): VersionMark[] {
  const { stamp } = version
  const last = lastExpiry(version)
  const mark = { scope, name, stamp }
  return last === undefined ? [mark] : [mark, { scope: 'expiry', name, stamp: last }]
}

/**
 * Since when a value is stale because a tag of it was expired after its load began, and which; `undefined` if none was.
 * Whether it is stale the stamps tell alone; no clock is asked. The instant is that of the machine that expired it, and
 * only the stale windows count from there: as far as the clocks differ, they end earlier or later.
 */
export function staleByTag(
  scope: Scope,
  { versions, storedAt, loadMs }: DecodedValue,
  stamps: ReadonlyMap<string, VersionStamps>,
): { readonly tag: string; readonly at: number } | undefined {
  let first: { readonly tag: string; readonly at: number } | undefined
  for (let index = 0; index < versions.length; index++) {
    const mark = versions[index] as VersionMark
    if (mark.scope !== 'tag') continue
    const key = keyOfMark(scope, mark)
    const version = key === undefined ? undefined : stamps.get(key)
    const next = versions[index + 1]
    const seen = next?.scope === 'expiry' && next.name === mark.name ? next.stamp : undefined
    if (lastExpiry(version) === seen) continue
    const at = afterSeen(version?.expiries ?? [], seen) ?? storedAt - loadMs
    const tag = mark.name.slice(mark.name.indexOf(':') + 1)
    if (first === undefined || at < first.at) first = { tag, at }
  }
  return first
}

/** The first expiry after the one that a load saw; `undefined` where that one is not known any more. */
function afterSeen(
  expiries: readonly Expiry<Stamp>[],
  seen: Stamp | undefined,
): number | undefined {
  if (seen === undefined) return expiries[0]?.at
  const index = expiries.findIndex(({ id }) => id === seen)
  return index < 0 ? undefined : expiries[index + 1]?.at
}
