import type { Spread } from '../micro/figures.ts'

/** What `results/images.json` holds. */
export interface ImagesResults {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly connections: number
  readonly bytes: number
  readonly variantBytes: { readonly ours: number; readonly ipx: number }
  readonly rows: readonly ImagesRow[]
}

export interface ImagesRow {
  readonly name: string
  readonly what: string
  /** Why there are no figures. */
  readonly absent?: string
  readonly perSecond: number
  /** The server's CPU time of one request, all its threads and processes together. */
  readonly cpuUs: number
  /** Throughput over that of another row in the same round. */
  readonly ratio?: { readonly over: string; readonly of: Spread }
  /** What is copied of an image in JavaScript for one answer. */
  readonly copied: string
}

export const imagesResultsPath = new URL('../results/images.json', import.meta.url)
export const imagesPagePath = new URL('../../docs/benchmarks-images.md', import.meta.url)
