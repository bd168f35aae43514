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
  /** Not in results from before it was measured. */
  readonly kill?: KillResults
}

/** What a server that is killed costs those who ask the others, over so many kills. */
export interface KillResults {
  readonly rounds: number
  readonly perSecond: number
  readonly phaseMs: number
  /** So many calls, or more, each p99 is of. */
  readonly calls: number
  readonly beforeMs: Spread
  readonly afterMs: Spread
  /** Of the p99, after over before. */
  readonly growth: Spread
  /** The same of a service at the same time whose servers all live. */
  readonly growthBeside: Spread
  /** Of the keys, and the longest call after a kill: the most of all rounds. */
  readonly missedShare: number
  readonly worstMs: number
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
