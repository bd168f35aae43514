import type { FarResults } from './results.ts'

/** A figure that Holdfast has promised itself. */
export interface Target {
  readonly what: string
  readonly unit: string
  readonly atLeast?: number
  readonly atMost?: number
  measured(results: FarResults): number
}

const throughput = (mode: number, atLeast: number, what: string): Target => ({
  what: `throughput of a far hit through \`wrap\`, ${what}`,
  unit: '× ioredis',
  atLeast,
  measured: (results) => holdfast(results).figures[mode]!.ratio.median,
})

export const targets: readonly Target[] = [
  throughput(0, 0.85, '1 in flight'),
  throughput(1, 1.8, '50 in flight'),
  throughput(2, 3, '500 in flight'),
  throughput(3, 1.5, '50 in flight, each in a callback of its own'),
  {
    what: "the client's CPU per far hit, 50 in flight",
    unit: 'µs',
    atMost: 4,
    measured: (results) => holdfast(results).figures[1]!.cpuUs,
  },
  {
    what: 'a near hit in front of Redis',
    unit: '× a near hit alone',
    atMost: 1.2,
    measured: (results) => results.nearRatio.median,
  },
  {
    what: 'loads of a cold key over all processes',
    unit: 'loads',
    atMost: 1,
    measured: (results) => stampede(results).loads.most,
  },
  {
    what: 'the p99 of those who wait for it, over the time of the load',
    unit: 'ms',
    atMost: 15,
    measured: (results) => stampede(results).p99Ms - results.stampede.loadMs,
  },
]

export function isMet(target: Target, value: number): boolean {
  return value >= (target.atLeast ?? value) && value <= (target.atMost ?? value)
}

const holdfast = (results: FarResults) => named(results.hits, 'holdfast')
const stampede = (results: FarResults) => named(results.stampede.rows, 'holdfast-two-tiers')

function named<Row extends { readonly name: string }>(rows: readonly Row[], name: string): Row {
  const row = rows.find((each) => each.name === name)
  if (row === undefined) throw new Error(`the results have no row '${name}'`)
  return row
}
