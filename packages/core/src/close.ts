import type { TimerHandle } from './clock.ts'
import { ClosedError } from './errors.ts'
import type { Scope } from './invalidation/scope.ts'
import { drainDefault } from './options/defaults.ts'
import { type Duration, parseDuration } from './options/duration.ts'
import { refuseUnknownNames } from './options/known-names.ts'
import { readObject } from './options/readers.ts'
import type { Engine } from './read/engine.ts'

/** @throws ClosedError */
export function assertOpen(engine: Engine, scope: Scope): void {
  if (scope.isClosed) throw new ClosedError(`cache '${engine.name}' is closed; create a new one`)
}

const closings = new WeakMap<Scope, Promise<void>>()

/** Closes a cache, or one namespace of it, once. @throws InvalidOptionError, as a rejection, for a bad `drain`. */
export function closeScope(
  engine: Engine,
  scope: Scope,
  options: { drain?: Duration },
): Promise<void> {
  const closing = closings.get(scope)
  if (closing !== undefined) return closing
  let drainMs: number
  try {
    refuseUnknownNames(readObject(options, 'close(options)'), ['drain'], 'close')
    drainMs = parseDuration(options.drain ?? drainDefault, 'drain')
  } catch (error) {
    return Promise.reject(error)
  }
  const closed = drainAndClose(engine, scope, drainMs)
  closings.set(scope, closed)
  return closed
}

async function drainAndClose(engine: Engine, scope: Scope, drainMs: number): Promise<void> {
  scope.closed = true
  // What is kept is out of reach from here on, and what loads bring meanwhile goes to their waiters only.
  scope.clear()
  const isRoot = scope === engine.root
  if (isRoot) engine.near?.clear()

  const loads = [...engine.loading].filter((load) =>
    load.flights.some((flight) => flight.scope.isWithin(scope)),
  )
  if (loads.length > 0)
    await endOrTimeout(
      engine,
      loads.map((load) => load.ended()),
      drainMs,
    )
  for (const load of loads) load.close()
  if (!isRoot) return

  if (engine.opening !== undefined) await engine.opening
  // An invalidation that this process could not bring home is not made up for by anybody else.
  if (engine.far !== undefined && drainMs > 0)
    await endOrTimeout(engine, [engine.far.settled()], drainMs)
  engine.monitor?.close()
  await engine.far?.close()
  engine.deadlines.close()
  engine.flights.clear()
  engine.verdicts.clear()
  engine.observer.close()
}

function endOrTimeout(
  engine: Engine,
  ends: readonly Promise<void>[],
  drainMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    let timer: TimerHandle
    // Without an end to wait for there is nothing to set a timer for.
    if (drainMs !== Number.POSITIVE_INFINITY) timer = engine.clock.setTimeout(resolve, drainMs)
    void Promise.all(ends).then(() => {
      engine.clock.clearTimeout(timer)
      resolve()
    })
  })
}
