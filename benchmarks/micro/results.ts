import type { Spread } from './figures.ts'

/** What `results/micro.json` holds: figures as measured, and everything needed to tell what they were measured on. */
export interface MicroResults {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly hit: readonly TimedRow[]
  readonly miss: readonly TimedRow[]
  /** Holdfast's hit over the floor's, in turns in one process. */
  readonly together: Spread
  readonly allocation: readonly ByteRow[]
  readonly memory: readonly EntryRow[]
  /** Bytes per entry that the key and value of `memory` take by themselves. */
  readonly memoryOfData: number
  readonly churn: readonly ByteRow[]
}

export interface TimedRow {
  readonly name: string
  readonly what: string
  /** CPU time of a call: the median over the rounds. */
  readonly nsPerCall: number
  /** Over the floor of the same round. */
  readonly ratio: Spread
}

export interface ByteRow {
  readonly name: string
  readonly what: string
  readonly bytes: number
}

export interface EntryRow {
  readonly name: string
  readonly what: string
  readonly kept: number
  readonly hitOnce: number
  readonly hitTwice: number
}
