import { monitorOf } from '../health/health-monitor.ts'
import type { Engine } from '../read/engine.ts'
import type { ServerState, ServerStates, Store, StoreMetrics } from '../store/store.ts'
import type { MetricName } from './metrics-table.ts'
import { talliesOf } from './tallies.ts'

export type Labels = Readonly<Record<string, string>>

/** One number of one metric. */
export interface Sample {
  readonly metric: MetricName
  readonly labels: Labels
  readonly value: number
}

const breakerStates = { closed: 0, 'half-open': 1, open: 2 } as const
const healthLevels = { ok: 0, warn: 1, critical: 2 } as const

/** Everything that is known of a cache now. It asks nobody: of servers it tells what they said when they were last asked. */
export function readingsOf(engine: Engine): readonly Sample[] {
  const samples: Sample[] = []
  const cache = engine.name
  const add = (metric: MetricName, value: number | undefined, labels: Labels = {}) => {
    if (value !== undefined) samples.push({ metric, value, labels: { cache, ...labels } })
  }
  const { counters, near, far, settings } = engine
  add('requests', counters.hits, { outcome: 'hit' })
  add('requests', counters.stale, { outcome: 'stale' })
  add('requests', counters.misses, { outcome: 'miss' })
  add('farHits', counters.farHits)
  add('coalesced', counters.coalesced)
  add('loads', counters.loads)
  add('loadFailures', counters.loadErrors, { reason: 'error' })
  add('loadFailures', counters.loadTimeouts, { reason: 'timeout' })
  add('loadFailures', counters.overloads, { reason: 'overload' })
  add('refreshes', counters.refreshes)
  add('fenced', counters.fenced)
  add('codecFailures', counters.codecErrors)
  add('refused', counters.refused)
  add('evictions', counters.evictions)
  add('invalidations', counters.invalidations)
  add('entries', near?.entries ?? 0)
  add('bytes', near?.bytes ?? 0)
  add('limitBytes', settings.memory?.maxBytes)
  add('loading', engine.flights.size)
  add('queued', engine.bulkhead?.waiting ?? 0)
  add('enabled', engine.root.isOff ? 0 : 1)
  if (far !== undefined) {
    const { store, journal, link } = far.tier
    add('madeUp', counters.madeUp)
    add('storeErrors', counters.storeErrors)
    add('busGaps', counters.busGaps)
    add('journal', journal.overflowed ? settings.resilience.journalKeys : journal.size)
    add('breaker', breakerStates[store.state])
    if (link !== undefined) add('bus', link.isTrusted ? 1 : 0)
    add('storeOperations', store.sent - store.failed, { outcome: 'ok' })
    add('storeOperations', store.failed, { outcome: 'failed' })
    addServers(settings.far?.store, add)
  }
  const tallies = talliesOf(engine)
  for (const [state, count] of tallies.of('breakerTransitions'))
    add('breakerTransitions', count, { state })
  for (const [reason, count] of tallies.of('imageBlocked')) add('imageBlocked', count, { reason })
  if (engine.root.isClosed) return samples
  const monitor = monitorOf(engine)
  for (const { name, status } of monitor.latest().checks)
    if (status !== 'unknown') add('health', healthLevels[status], { check: name })
  for (const [name, told] of monitor.servers) {
    // A store over one server has no name for it.
    const server = name === '' ? (settings.far?.store.name ?? '') : name
    for (const [metric, value] of serverReadings(told)) add(metric, value, { server })
  }
  return samples
}

/** Of a store that takes servers out of use. */
function addServers(
  store: (Store & Partial<ServerStates>) | undefined,
  add: (metric: MetricName, value: number, labels: Labels) => void,
): void {
  const servers = store?.serverStates?.()
  if (servers === undefined) return
  const nodes: Record<ServerState['state'], number> = { live: 0, ejected: 0, gutter: 0 }
  for (const [server, { state, ejections }] of servers) {
    nodes[state]++
    add('ringEjections', ejections, { server })
  }
  for (const [state, count] of Object.entries(nodes)) add('ringNodes', count, { state })
}

function serverReadings(
  told: StoreMetrics,
): readonly (readonly [MetricName, number | undefined])[] {
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000)
  return [
    ['serverHits', told.hits],
    ['serverMisses', told.misses],
    ['serverEvictions', told.evictions],
    ['serverCpu', seconds(told.cpuMs)],
    ['serverEntries', told.entries],
    ['serverMemory', told.usedBytes],
    ['serverMemoryLimit', told.limitBytes],
    ['serverConnections', told.connections],
    ['serverConnectionLimit', told.maxConnections],
    ['serverUptime', seconds(told.uptimeMs)],
    ['serverLag', seconds(told.replicationLagMs)],
  ]
}
