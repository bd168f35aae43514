/** How a number behaves: a counter only grows, a gauge is what is now. */
type Kind = 'counter' | 'gauge'

/** What a metric counts in, as UCUM writes it. */
type Unit = 's' | 'By' | '1' | `{${string}}`

/** One metric, under its OpenTelemetry name; Prometheus has it with its own spelling. */
export interface Metric {
  readonly name: string
  readonly kind: Kind
  readonly unit: Unit
  readonly help: string
  /** Labels beside `cache`; of what is no cache's, all. */
  readonly labels: readonly string[]
}

const metric = (
  name: string,
  kind: Kind,
  unit: Unit,
  help: string,
  labels: readonly string[] = [],
): Metric => ({ name: `holdfast.${name}`, kind, unit, help, labels })

/**
 * Every metric but the histograms: the one list that the text for Prometheus, the instruments for OpenTelemetry, the
 * alert rules, the dashboard and the page of operations go by. Labels take few values: never a key, a tag or an id.
 */
export const metrics = {
  requests: metric(
    'requests',
    'counter',
    '{request}',
    'Keys asked for, by how they were answered',
    ['outcome'],
  ),
  farHits: metric(
    'far.hits',
    'counter',
    '{request}',
    'Of the keys answered, those that came from the store',
  ),
  coalesced: metric(
    'coalesced',
    'counter',
    '{request}',
    'Keys that waited for a load which another call had started',
  ),
  loads: metric('loads', 'counter', '{call}', 'Calls of a loader'),
  loadFailures: metric('load.failures', 'counter', '{call}', 'Loads that failed, by how', [
    'reason',
  ]),
  refreshes: metric('refreshes', 'counter', '{call}', 'Loads that nobody waited for'),
  fenced: metric('fenced', 'counter', '{entry}', 'Loaded values that an invalidation kept out'),
  codecFailures: metric(
    'codec.failures',
    'counter',
    '{failure}',
    'Values that could not be kept exactly as they are',
  ),
  refused: metric('refused', 'counter', '{entry}', 'Bytes in the store that were not believed'),
  evictions: metric(
    'near.evictions',
    'counter',
    '{entry}',
    'Entries that left memory because of a bound',
  ),
  invalidations: metric(
    'invalidations',
    'counter',
    '{call}',
    'Calls of delete, expire, set, invalidateTags, expireTags and clear',
  ),
  madeUp: metric(
    'invalidations.made_up',
    'counter',
    '{key}',
    'Invalidations that were made up for after an outage',
  ),
  storeErrors: metric(
    'store.errors',
    'counter',
    '{error}',
    'Operations that the store failed or did not answer in time',
  ),
  storeOperations: metric(
    'store.operations',
    'counter',
    '{call}',
    'Operations that were sent to the store, by whether it did them',
    ['outcome'],
  ),
  breakerTransitions: metric(
    'breaker.transitions',
    'counter',
    '{event}',
    'Changes of the breaker around the store, by what it became',
    ['state'],
  ),
  ringEjections: metric(
    'ring.ejections',
    'counter',
    '{event}',
    'Times that a server of several was taken out of use',
    ['server'],
  ),
  imageBlocked: metric(
    'image.blocked',
    'counter',
    '{request}',
    'Images that were refused, by the rule',
    ['reason'],
  ),
  sessionEvents: metric('session.events', 'counter', '{event}', 'What happened to sessions', [
    'sessions',
    'event',
  ]),
  busGaps: metric('bus.gaps', 'counter', '{event}', 'Times the bus lost messages'),
  entries: metric('near.entries', 'gauge', '{entry}', 'Entries in memory'),
  bytes: metric('near.size', 'gauge', 'By', 'Their estimated heap'),
  limitBytes: metric('near.limit', 'gauge', 'By', 'The most that may be kept in memory'),
  loading: metric('loads.in_flight', 'gauge', '{call}', 'Keys being loaded'),
  queued: metric('loads.queued', 'gauge', '{call}', 'Loads that wait for a place'),
  journal: metric(
    'recovery.pending',
    'gauge',
    '{key}',
    'Invalidations that the store has not had yet',
  ),
  breaker: metric(
    'breaker.state',
    'gauge',
    '1',
    'The breaker around the store: 0 closed, 1 half open, 2 open',
  ),
  bus: metric('bus.connected', 'gauge', '1', 'Whether invalidations of other processes are heard'),
  ringNodes: metric(
    'ring.nodes',
    'gauge',
    '{node}',
    'Servers of several: live, ejected for now, or standing in for others',
    ['state'],
  ),
  enabled: metric('enabled', 'gauge', '1', 'Whether the cache is switched on'),
  health: metric(
    'health',
    'gauge',
    '1',
    'A check of health(): 0 ok, 1 warn, 2 critical; none while it is unknown',
    ['check'],
  ),
  serverHits: metric(
    'server.hits',
    'counter',
    '{request}',
    'Reads that the server answered with a value',
    ['server'],
  ),
  serverMisses: metric(
    'server.misses',
    'counter',
    '{request}',
    'Reads that the server had nothing for',
    ['server'],
  ),
  serverEvictions: metric(
    'server.evictions',
    'counter',
    '{entry}',
    'Entries that the server dropped for room',
    ['server'],
  ),
  serverCpu: metric('server.cpu.time', 'counter', 's', 'Processor time that the server has used', [
    'server',
  ]),
  serverEntries: metric('server.entries', 'gauge', '{entry}', 'Entries that the server holds', [
    'server',
  ]),
  serverMemory: metric('server.memory.used', 'gauge', 'By', 'Memory that the server uses', [
    'server',
  ]),
  serverMemoryLimit: metric(
    'server.memory.limit',
    'gauge',
    'By',
    'The most that the server may use',
    ['server'],
  ),
  serverConnections: metric(
    'server.connections',
    'gauge',
    '{connection}',
    'Connections that the server has',
    ['server'],
  ),
  serverConnectionLimit: metric(
    'server.connections.limit',
    'gauge',
    '{connection}',
    'The most connections that the server takes',
    ['server'],
  ),
  serverUptime: metric('server.uptime', 'gauge', 's', 'How long the server has been running', [
    'server',
  ]),
  serverLag: metric(
    'server.replication.lag',
    'gauge',
    's',
    'How far the slowest replica is behind',
    ['server'],
  ),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

/** A metric whose values are counted by size. */
export interface HistogramMetric {
  readonly name: string
  readonly unit: 's' | 'By'
  readonly help: string
  /** Labels beside `cache`. */
  readonly labels: readonly string[]
  /** Upper bounds, in the unit. */
  readonly buckets: readonly number[]
}

const seconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const
const kibibyte = 1024
const mebibyte = 1024 * kibibyte

export const histograms = {
  requests: {
    name: 'holdfast.request.duration',
    unit: 's',
    help: 'How long calls took that memory did not answer at once',
    labels: ['outcome', 'tier'],
    buckets: seconds,
  },
  loads: {
    name: 'holdfast.load.duration',
    unit: 's',
    help: 'How long loaders took',
    labels: ['reason', 'outcome'],
    buckets: seconds,
  },
  claimWait: {
    name: 'holdfast.claim.wait.duration',
    unit: 's',
    help: 'How long loads waited for another process that was loading their key',
    labels: ['outcome'],
    buckets: seconds,
  },
  staleAge: {
    name: 'holdfast.stale.age',
    unit: 's',
    help: 'For how long stale answers had been stale',
    labels: [],
    buckets: seconds,
  },
  busLag: {
    name: 'holdfast.bus.lag',
    unit: 's',
    help: 'How long messages of this process took to come back on the bus',
    labels: [],
    buckets: seconds,
  },
  entrySize: {
    name: 'holdfast.entry.size',
    unit: 'By',
    help: 'Sizes of values with their envelopes, on their way into the store',
    labels: [],
    buckets: [
      256,
      kibibyte,
      4 * kibibyte,
      16 * kibibyte,
      64 * kibibyte,
      256 * kibibyte,
      mebibyte,
      4 * mebibyte,
    ],
  },
  /** As OpenTelemetry's conventions for databases have it: name, unit, buckets and attributes are theirs. */
  command: {
    name: 'db.client.operation.duration',
    unit: 's',
    help: 'How long operations of the store took',
    labels: ['db.system.name', 'db.operation.name', 'error.type'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
  },
} as const satisfies Record<string, HistogramMetric>

export type HistogramName = keyof typeof histograms

/** The same name as Prometheus spells it: with its unit, and with `_total` if it counts. */
export function prometheusName({
  name,
  unit,
  kind,
}: {
  name: string
  unit: Unit
  kind?: Kind
}): string {
  const suffix = unit === 's' ? '_seconds' : unit === 'By' ? '_bytes' : ''
  return `${name.replaceAll('.', '_')}${suffix}${kind === 'counter' ? '_total' : ''}`
}

/** A label as Prometheus spells it. */
export const prometheusLabel = (name: string): string => name.replaceAll('.', '_')
