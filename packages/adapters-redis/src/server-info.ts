import type { StoreMetrics } from '@holdfast/core'

/** The answer to INFO (https://redis.io/docs/latest/commands/info/) as metrics; what a server does not say is absent. */
export function metricsOf(info: string): StoreMetrics {
  const facts = new Map<string, string>()
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1))
  }
  const number = (name: string): number | undefined => {
    const fact = facts.get(name)
    const value = fact === undefined || fact === '' ? Number.NaN : Number(fact)
    return Number.isFinite(value) ? value : undefined
  }
  const system = number('used_cpu_sys')
  const user = number('used_cpu_user')
  const uptimeSeconds = number('uptime_in_seconds')
  const limitBytes = number('maxmemory')
  const lagSeconds = lagOf(facts)
  return present({
    hits: number('keyspace_hits'),
    misses: number('keyspace_misses'),
    evictions: number('evicted_keys'),
    entries: entriesOf(facts),
    usedBytes: number('used_memory'),
    // 0 is the word for no limit.
    limitBytes: limitBytes === 0 ? undefined : limitBytes,
    connections: number('connected_clients'),
    maxConnections: number('maxclients'),
    cpuMs: system === undefined || user === undefined ? undefined : (system + user) * 1_000,
    uptimeMs: uptimeSeconds === undefined ? undefined : uptimeSeconds * 1_000,
    replicationLagMs: lagSeconds === undefined ? undefined : lagSeconds * 1_000,
  })
}

/** `db0:keys=3,expires=1,avg_ttl=0`; a server without keys has no such line. */
function entriesOf(facts: ReadonlyMap<string, string>): number | undefined {
  if (!facts.has('redis_version')) return undefined
  return sumOf(facts, /^db\d+$/, /keys=(\d+)/)
}

/** `slave0:ip=…,state=online,offset=…,lag=0`: the slowest counts. */
function lagOf(facts: ReadonlyMap<string, string>): number | undefined {
  const lags = [...facts]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, fact]) => Number(/lag=(\d+)/.exec(fact)?.[1]))
    .filter(Number.isFinite)
  return lags.length === 0 ? undefined : Math.max(...lags)
}

function sumOf(facts: ReadonlyMap<string, string>, name: RegExp, value: RegExp): number {
  let sum = 0
  for (const [fact, text] of facts) if (name.test(fact)) sum += Number(value.exec(text)?.[1] ?? 0)
  return sum
}

type Metrics = { [Name in keyof StoreMetrics]?: number | undefined }

function present(metrics: Metrics): StoreMetrics {
  return Object.fromEntries(
    Object.entries(metrics).filter(([, value]) => value !== undefined),
  ) as StoreMetrics
}

/** Several servers as one: what each has is added up, and of lags and uptimes the worst counts. */
export function sumOfMetrics(all: readonly StoreMetrics[]): StoreMetrics {
  const [first = {}, ...others] = all
  if (others.length === 0) return first
  const sum: { -readonly [Name in keyof StoreMetrics]: number } = {}
  for (const name of Object.keys(first) as (keyof StoreMetrics)[]) {
    const values = all.map((each) => each[name])
    // What one of them does not say is unknown of all.
    if (values.includes(undefined)) continue
    const numbers = values as number[]
    if (name === 'replicationLagMs') sum[name] = Math.max(...numbers)
    else if (name === 'uptimeMs') sum[name] = Math.min(...numbers)
    else sum[name] = numbers.reduce((total, each) => total + each, 0)
  }
  return sum
}
