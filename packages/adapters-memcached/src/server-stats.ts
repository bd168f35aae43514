import type { StoreMetrics } from '@holdfast/core'

/** Metrics from `stats` (doc/protocol.txt, "General-purpose statistics"). What the server does not say is absent. */
export function metricsOf(stats: ReadonlyMap<string, string>): StoreMetrics {
  const metrics: { -readonly [Name in keyof StoreMetrics]: StoreMetrics[Name] } = {}
  const take = (name: keyof StoreMetrics, stat: string, factor = 1) => {
    const value = read(stats, stat)
    if (value !== undefined) metrics[name] = value * factor
  }
  take('hits', 'get_hits')
  take('misses', 'get_misses')
  take('evictions', 'evictions')
  take('entries', 'curr_items')
  take('usedBytes', 'bytes')
  take('limitBytes', 'limit_maxbytes')
  take('connections', 'curr_connections')
  take('maxConnections', 'max_connections')
  take('uptimeMs', 'uptime', 1_000)
  const user = read(stats, 'rusage_user')
  const system = read(stats, 'rusage_system')
  if (user !== undefined && system !== undefined) metrics.cpuMs = (user + system) * 1_000
  return metrics
}

function read(stats: ReadonlyMap<string, string>, stat: string): number | undefined {
  const text = stats.get(stat)
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  return value >= 0 ? value : undefined
}
