import type { HitRow, Mode } from './results.ts'

/** What `results/memcached.json` holds. */
export interface MemcachedResults {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly server: string
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly modes: readonly Mode[]
  /** On one server, over plain memjs in the same round. */
  readonly single: readonly HitRow[]
  /** On one of four, over the memcache client through nutcracker in the same round. */
  readonly fleet: readonly HitRow[]
}

export const memcachedResultsPath = new URL('../results/memcached.json', import.meta.url)
export const memcachedPagePath = new URL('../../docs/benchmarks-memcached.md', import.meta.url)
