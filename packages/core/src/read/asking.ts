import type { Scope } from '../invalidation/scope.ts'
import { Load } from './load.ts'
import { currentLoad, reentrant } from './wait-graph.ts'

/** The load from inside whose loader the present call comes, if one is and is still awaited. */
export function loadAsking(): Load | undefined {
  const asking = currentLoad()
  return asking instanceof Load ? asking : undefined
}

/**
 * A loader that asks for its own key would start itself again without end wherever its first flight cannot be
 * joined: after a delete, or while the cache is off.
 * @throws ReentrantLoadError
 */
export function refuseCircle(asking: Load, scope: Scope, key: string): void {
  for (
    let load: Load | undefined = asking;
    load !== undefined && !load.settled;
    load = load.startedBy
  ) {
    if (load.flights.some((flight) => flight.key === key && flight.scope === scope))
      throw reentrant(key)
  }
}
