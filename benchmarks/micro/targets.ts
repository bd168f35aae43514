import type { MicroResults } from './results.ts'

/** A figure that Holdfast has promised itself: at most so much. */
export interface Target {
  readonly what: string
  readonly atMost: number
  readonly unit: '× the floor' | 'B'
  measured(results: MicroResults): number
}

const ratio = (name: string, measure: 'hit' | 'miss') => (results: MicroResults) =>
  named(results[measure], name).ratio.median

const bytes = (name: string, measure: 'allocation' | 'churn') => (results: MicroResults) =>
  named(results[measure], name).bytes

export const targets: readonly Target[] = [
  {
    what: 'an awaited hit',
    atMost: 1.1,
    unit: '× the floor',
    measured: ratio('holdfast', 'hit'),
  },
  {
    what: 'an awaited hit, in one process with the floor',
    atMost: 1.1,
    unit: '× the floor',
    measured: (results) => results.together.median,
  },
  {
    what: 'a miss, default isolation',
    atMost: 4,
    unit: '× the floor',
    measured: ratio('holdfast', 'miss'),
  },
  {
    what: "a miss, `values: 'shared'`",
    atMost: 2.5,
    unit: '× the floor',
    measured: ratio('holdfast-shared', 'miss'),
  },
  {
    what: 'allocated per awaited hit',
    atMost: 400,
    unit: 'B',
    measured: bytes('holdfast', 'allocation'),
  },
  {
    what: 'allocated per `peek`',
    atMost: 0,
    unit: 'B',
    measured: bytes('holdfast-peek', 'allocation'),
  },
  {
    what: 'memory per entry at 1,000,000 entries, key and value included, each hit once',
    atMost: 400,
    unit: 'B',
    measured: (results) => named(results.memory, 'holdfast').hitOnce,
  },
  {
    what: 'growth per wrap over 2,000,000 churned wraps',
    atMost: 0,
    unit: 'B',
    measured: bytes('holdfast', 'churn'),
  },
]

function named<Row extends { readonly name: string }>(rows: readonly Row[], name: string): Row {
  const row = rows.find((candidate) => candidate.name === name)
  if (row === undefined) throw new Error(`the results have no row '${name}'`)
  return row
}
