import { median, ratiosWithin, rounded, roundedSpread } from '../micro/figures.ts'
import { seededRandom, shuffled } from '../micro/workload.ts'
import type { CandidateProcess } from './in-processes.ts'
import type { HitRow, Mode } from './results.ts'

interface Hit {
  readonly perSecond: number
  readonly cpuUs: number
}

const warmUpMs = 100
const measuredMs = 250

/**
 * Hits of each candidate, in a process of its own, in each mode and round, the order drawn anew each time; throughput
 * as the ratio to the first candidate's of the same round.
 */
export async function measureHitRows(
  candidates: readonly { readonly name: string; readonly what: string }[],
  processes: readonly CandidateProcess[],
  modes: readonly Mode[],
  rounds: number,
): Promise<HitRow[]> {
  for (const each of processes) await each.call('fill')
  const random = seededRandom(1)
  const order = [...candidates.keys()]
  /** By candidate, mode and round. */
  const taken: Hit[][][] = candidates.map(() => modes.map(() => []))
  for (let round = 0; round < rounds; round++) {
    for (const [mode, { inFlight, apart }] of modes.entries()) {
      for (const index of shuffled(order, random)) {
        taken[index]![mode]!.push(
          await processes[index]!.call<Hit>('hits', inFlight, apart, warmUpMs, measuredMs),
        )
      }
    }
  }
  const speeds = (index: number, mode: number) =>
    taken[index]![mode]!.map(({ perSecond }) => perSecond)
  return candidates.map(({ name, what }, index) => ({
    name,
    what,
    figures: modes.map((_, mode) => ({
      ratio: roundedSpread(ratiosWithin(speeds(index, mode), speeds(0, mode)), 3),
      cpuUs: rounded(median(taken[index]![mode]!.map(({ cpuUs }) => cpuUs)), 2),
    })),
  }))
}
