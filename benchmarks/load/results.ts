import type { Spread } from '../micro/figures.ts'

/** What `results/far.json` holds: figures as measured, and everything needed to tell what they were measured on. */
export interface FarResults {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly server: string
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly modes: readonly Mode[]
  readonly hits: readonly HitRow[]
  readonly near: readonly { readonly name: string; readonly what: string; readonly ns: number }[]
  /** A near hit in front of Redis over one alone, formed inside a round. */
  readonly nearRatio: Spread
  readonly stampede: StampedeResults
  readonly roundTrips: readonly RoundTrips[]
}

export interface Mode {
  readonly name: string
  readonly inFlight: number
  /** Each call begins in an event-loop callback of its own, as requests on separate sockets do. */
  readonly apart: boolean
}

export interface HitRow {
  readonly name: string
  readonly what: string
  /** In the order of the modes: throughput over plain ioredis in the same round, and the client's CPU per call. */
  readonly figures: readonly { readonly ratio: Spread; readonly cpuUs: number }[]
}

export interface StampedeResults {
  readonly processes: number
  readonly callersEach: number
  readonly loadMs: number
  readonly keys: number
  readonly rows: readonly {
    readonly name: string
    readonly what: string
    /** Over all processes, for each key: the least and the most. */
    readonly loads: { readonly least: number; readonly most: number }
    readonly p50Ms: number
    readonly p99Ms: number
  }[]
}

/** Commands that one operation sends, by the server's own count. */
export interface RoundTrips {
  readonly what: string
  readonly commands: number
  readonly published: number
}
