import type { Spread } from '../micro/figures.ts'
import type { Mode } from './results.ts'

/** What `results/sharding.json` holds. */
export interface ShardingResults {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly servers: string
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly modes: readonly Mode[]
  readonly rows: readonly ShardingRow[]
}

export interface ShardingRow {
  readonly name: string
  readonly what: string
  /** In the order of the modes; both over ioredis through nutcracker in the same round. */
  readonly figures: readonly {
    readonly throughput: Spread
    /** CPU time of a call: client, proxy and servers together. */
    readonly allCpu: Spread
    readonly allCpuUs: number
  }[]
}

export const shardingResultsPath = new URL('../results/sharding.json', import.meta.url)
export const shardingPagePath = new URL('../../docs/benchmarks-sharding.md', import.meta.url)
