import type { Spread } from '../micro/figures.ts'

/** What `results/session.json` holds. */
export interface SessionResults {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly server: string
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly sessions: number
  readonly visitors: number
  readonly perSecond: number
  readonly acts: readonly { readonly name: string }[]
  readonly rows: readonly SessionRow[]
}

export interface SessionRow {
  readonly name: string
  readonly what: string
  /** In the order of the acts; ratios over connect-redis in the same round. */
  readonly figures: readonly {
    readonly throughput: Spread
    readonly perSecond: number
    readonly p99Ms: number
    /** Over all rounds and connect-redis in the same one. */
    readonly p99: Spread
    /** CPU time of the application's process for a request. */
    readonly cpuUs: number
  }[]
}

export const sessionResultsPath = new URL('../results/session.json', import.meta.url)
export const sessionPagePath = new URL('../../docs/benchmarks-sessions.md', import.meta.url)
