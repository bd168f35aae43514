import {
  type Candidate,
  churnCandidates,
  floor,
  hitCandidates,
  holdfast,
  memoryCandidates,
  missCandidates,
} from './candidates.ts'
import { median, ratiosWithin, rounded, roundedSpread, spreadOf } from './figures.ts'
import { inChild } from './in-child.ts'
import { measuredOn } from './measured-on.ts'
import type { EntryBytes } from './measures.ts'
import type { ByteRow, EntryRow, MicroResults, TimedRow } from './results.ts'
import { seed, seededRandom, shuffled } from './workload.ts'

/** Which candidates to measure, and how often. */
export interface Extent {
  readonly rounds: number
  readonly only?: (candidate: Candidate) => boolean
}

/** Every figure of the published table, measured now. `progress` hears what is being measured. */
export async function measureAll(
  extent: Extent,
  progress: (what: string) => void,
): Promise<MicroResults> {
  const chosen = (candidates: readonly Candidate[]) =>
    candidates.filter(extent.only ?? (() => true))
  const random = seededRandom(seed)
  const timed = { hit: new Rounds(), miss: new Rounds(), together: new Rounds() }
  const entered = {
    hit: [...chosen(hitCandidates), floor, floor],
    miss: [...chosen(missCandidates), floor, floor],
    together: [holdfast],
  }
  for (let round = 0; round < extent.rounds; round++) {
    for (const measure of ['hit', 'miss', 'together'] as const) {
      progress(`round ${round + 1} of ${extent.rounds}: ${measure}`)
      // In another order each round, so that nobody always comes after the same neighbour.
      for (const { name } of shuffled(entered[measure], random)) {
        timed[measure].add(name, round, await inChild<number>(measure, name))
      }
    }
  }
  progress('allocation')
  const allocation = await bytesOf('allocation', chosen(hitCandidates))
  progress('memory of a million entries')
  const data = await inChild<EntryBytes>('memory', 'data')
  const memory: EntryRow[] = []
  for (const { name, what } of chosen(memoryCandidates)) {
    const bytes = await inChild<EntryBytes>('memory', name)
    memory.push({
      name,
      what,
      kept: Math.round(bytes.kept),
      hitOnce: Math.round(bytes.hitOnce),
      hitTwice: Math.round(bytes.hitTwice),
    })
  }
  progress('two million churned wraps')
  const churn = await bytesOf('churn', chosen(churnCandidates))
  return {
    ...measuredOn(),
    rounds: extent.rounds,
    hit: timed.hit.rows(chosen(hitCandidates)),
    miss: timed.miss.rows(chosen(missCandidates)),
    together: roundedSpread(spreadOf(timed.together.of('holdfast')), 2),
    allocation,
    memory,
    memoryOfData: Math.round(data.kept),
    churn,
  }
}

/** One figure of each candidate for each round: the median, where it ran several times in it. */
class Rounds {
  readonly #figures = new Map<string, number[][]>()

  add(name: string, round: number, figure: number): void {
    const rounds = this.#figures.get(name) ?? []
    rounds[round] = [...(rounds[round] ?? []), figure]
    this.#figures.set(name, rounds)
  }

  of(name: string): readonly number[] {
    return (this.#figures.get(name) ?? []).map(median)
  }

  rows(candidates: readonly Candidate[]): TimedRow[] {
    return candidates.map(({ name, what }) => ({
      name,
      what,
      nsPerCall: Math.round(median(this.of(name))),
      ratio: roundedSpread(ratiosWithin(this.of(name), this.of('floor')), 2),
    }))
  }
}

async function bytesOf(
  measure: 'allocation' | 'churn',
  candidates: readonly Candidate[],
): Promise<ByteRow[]> {
  const rows: ByteRow[] = []
  for (const { name, what } of candidates) {
    const bytes = await inChild<number>(measure, name)
    // Adding 0 turns the -0 that rounding may leave into 0.
    rows.push({ name, what, bytes: rounded(bytes, measure === 'churn' ? 1 : 0) + 0 })
  }
  return rows
}
