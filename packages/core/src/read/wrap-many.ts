import type { Entry } from '../entry/entry.ts'
import { ClosedError } from '../errors.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { LoadReason } from '../observe/events.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import type { Bulkhead } from '../resilience/bulkhead.ts'
import type { Found } from '../tiers/far-found.ts'
import type { FarTier } from '../tiers/far-tier.ts'
import { loadAsking, refuseCircle } from './asking.ts'
import { type Engine, nearKeyOf } from './engine.ts'
import { Flight } from './flight.ts'
import { Load } from './load.ts'
import type { LoaderContext } from './loader-context.ts'
import { countAnswer, countLoaded, type Wait } from './outcome.ts'
import { plan, spendEarlyRefresh } from './plan.ts'
import { orStaleAfter } from './soft-timeout.ts'
import { waitFor } from './wait-graph.ts'
import { hasToWait, joinFlight, unlessLeft, untilAborted } from './waiter.ts'

export type LoadMany = (missing: string[], context: LoaderContext) => unknown

/** One call of `wrapMany`, checked and with its options resolved. */
export interface WrapManyCall {
  readonly scope: Scope
  /** Each once, in the order asked. */
  readonly keys: readonly string[]
  readonly load: LoadMany
  readonly policyOf: (key: string) => EntryPolicy
  readonly bulkheads: readonly Bulkhead[]
}

/** A key that has to be loaded, for the caller or behind it. */
interface Ask {
  readonly key: string
  readonly nearKey: string
  readonly policy: EntryPolicy
  entry: Entry | undefined
  found: Found | undefined
}

/**
 * Keys that are kept are answered from the tiers, keys that others are loading are joined, and one call of the
 * loader brings all the rest.
 */
export async function wrapMany(engine: Engine, call: WrapManyCall): Promise<Map<string, unknown>> {
  const { scope } = call
  const since = engine.clock.monotonic()
  const asks = lookUpNear(engine, call, since)
  if (engine.far !== undefined && !scope.isOff) {
    const looking = lookUpFar(engine, engine.far.tier, call, asks, since)
    await unlessLeft(looking, asks[0]?.policy.signal)
  }
  const now = engine.clock.monotonic()
  const answers = new Map<string, unknown>()
  const missing: (Ask & { orStale: boolean })[] = []
  const stale: Ask[] = []
  const early: Ask[] = []
  for (const ask of asks) {
    const { key, policy, entry } = ask
    const next = plan(entry, policy.refresh, now)
    // Set in the order asked, whatever is filled in later.
    answers.set(key, undefined)
    if (entry === undefined || next === 'load' || next === 'load-or-stale') {
      missing.push({ ...ask, orStale: next === 'load-or-stale' })
      continue
    }
    if (next === 'hit-and-refresh') early.push(ask)
    if (next === 'stale-and-refresh') stale.push(ask)
    const status = next === 'stale' || next === 'stale-and-refresh' ? 'stale' : 'hit'
    countAnswer(
      engine,
      scope,
      'wrapMany',
      key,
      status,
      since,
      ask.found === undefined ? 'near' : 'far',
      entry,
    )
    answers.set(key, entry.kind === 'error' ? engine.hand(entry) : engine.valueOf(entry))
  }
  refreshBehind(engine, call, early, 'early')
  refreshBehind(engine, call, stale, 'stale')
  for (const [index, wait] of loadMissing(engine, call, missing, since).entries()) {
    const { entry, policy, orStale } = missing[index] as (typeof missing)[number]
    if (entry !== undefined && orStale) {
      answers.set(wait.key, orStaleAfter(engine, policy, 'wrapMany', entry, wait))
    } else {
      countLoaded(engine, 'wrapMany', wait, entry === undefined ? 'miss' : 'refreshed')
      answers.set(wait.key, wait.answer)
    }
  }
  // All at once, so that of several rejections none goes unhandled.
  const values = await Promise.all(answers.values())
  let index = 0
  for (const key of answers.keys()) {
    const value = values[index++]
    if (value === undefined) answers.delete(key)
    else answers.set(key, value)
  }
  return answers
}

function lookUpNear(engine: Engine, call: WrapManyCall, now: number): Ask[] {
  const { scope } = call
  const off = scope.isOff
  return call.keys.map((key) => {
    const nearKey = nearKeyOf(scope, key)
    const entry = off ? undefined : engine.lookup(scope, nearKey, now)
    return { key, nearKey, policy: call.policyOf(key), entry, found: undefined }
  })
}

/** Fills in what the far tier has of the keys that the near one has not, unless a load here is all there is to wait for. */
async function lookUpFar(
  engine: Engine,
  tier: FarTier,
  call: WrapManyCall,
  asks: Ask[],
  now: number,
): Promise<void> {
  const { scope } = call
  const absent = asks.filter(
    ({ entry, nearKey, policy }) =>
      entry === undefined && !hasToWait(engine, scope, nearKey, policy.refresh, now),
  )
  if (absent.length === 0) return
  const founds = await tier.readMany(
    scope,
    absent.map(({ key, nearKey, policy }) => ({ key, nearKey, tags: policy.tags })),
  )
  if (scope.isClosed) throw new ClosedError('the cache was closed while the values were being read')
  absent.forEach((ask, index) => {
    const found = founds[index]
    if (found?.state === 'entry') ask.entry = found.entry
    // Somebody else may have loaded it meanwhile: while the store is out, that is the only way to learn of it.
    else if (!scope.isOff) ask.entry = engine.lookup(scope, ask.nearKey, engine.clock.monotonic())
    if (found?.state === 'entry' || ask.entry === undefined) ask.found = found
  })
}

/** A wait for each ask, in their order: some joined, the others on one new load. */
function loadMissing(
  engine: Engine,
  call: WrapManyCall,
  asks: readonly Ask[],
  since: number,
): Wait[] {
  if (asks.length === 0) return []
  const { scope } = call
  const waits = new Map<string, Wait>()
  const mine: Ask[] = []
  const asking = loadAsking()
  for (const ask of asks) {
    const { key, policy } = ask
    const { signal } = policy
    const wait = (answer: Promise<unknown>, flight?: Flight): Wait => ({
      scope,
      key,
      answer,
      load: flight?.load,
      flight,
      coalesced: flight !== undefined,
      since,
    })
    try {
      signal?.throwIfAborted()
      const joined = scope.isOff ? undefined : engine.joinable(scope, ask.nearKey)
      if (joined === undefined) {
        if (asking !== undefined) refuseCircle(asking, scope, key)
        mine.push(ask)
        continue
      }
      if (asking !== undefined) {
        waitFor(asking, joined.load, key)
        joined.load.borrowFrom(asking)
      }
      // A call that joined the load it asked for does not ask for another one, unless nothing came of that load.
      const policyOf = () => ({ ...policy, refresh: policy.refresh && joined.isFenced })
      const again = async () =>
        (await wrapMany(engine, { ...call, keys: [key], policyOf })).get(key)
      waits.set(
        key,
        wait(untilAborted(joinFlight(engine, joined, again), joined.load, signal), joined),
      )
    } catch (error) {
      waits.set(key, wait(Promise.reject(error)))
    }
  }
  if (mine.length > 0) {
    const { load, flights, start } = prepare(
      engine,
      call,
      mine,
      mine[0]?.policy.refresh ? 'refresh' : 'miss',
      asking,
      since,
    )
    if (asking !== undefined) waitFor(asking, load, mine[0]?.key ?? '')
    for (const flight of flights) {
      const { key, own, policy } = flight
      waits.set(key, {
        scope: call.scope,
        key,
        answer: untilAborted(own, load, policy.signal),
        load,
        flight,
        coalesced: false,
        since,
      })
    }
    start()
  }
  return asks.map(({ key }) => waits.get(key) as Wait)
}

function prepare(
  engine: Engine,
  call: WrapManyCall,
  asks: readonly Ask[],
  reason: LoadReason,
  asking: Load | undefined,
  since: number,
) {
  const { scope } = call
  const flights = asks.map(({ key, nearKey, policy, entry, found }) => {
    const flight = new Flight(scope, key, nearKey, policy, engine.fence.seq, entry, since)
    if (found !== undefined) engine.far?.loads.seen(flight, found, since)
    return flight
  })
  const load = new Load(
    engine,
    flights,
    (context) =>
      call.load(
        context.flights.map(({ key }) => key),
        context,
      ),
    reason,
    true,
    asking,
    engine.clock.monotonic(),
  )
  // Key patterns may give the keys different deadlines; one load ends at the first of them.
  const loadTimeoutMs = Math.min(...new Set(asks.map(({ policy }) => policy.loadTimeoutMs)))
  return { load, flights, start: () => load.start(call.bulkheads, loadTimeoutMs) }
}

/** One load behind the caller for all keys that want one and have none under way. */
function refreshBehind(
  engine: Engine,
  call: WrapManyCall,
  asks: readonly Ask[],
  reason: 'stale' | 'early',
): void {
  for (const { entry } of asks) if (entry !== undefined) spendEarlyRefresh(entry)
  const mine = asks.filter(({ nearKey }) => engine.joinable(call.scope, nearKey) === undefined)
  if (mine.length === 0) return
  engine.counters.refreshes++
  const since = engine.clock.monotonic()
  engine.runInOwnContext(() => prepare(engine, call, mine, reason, undefined, since).start())
}
