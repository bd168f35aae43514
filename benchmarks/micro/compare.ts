import type { MicroResults } from './results.ts'
import { targets } from './targets.ts'

/** How much worse a figure may come out before it counts as a change for the worse. */
export const tolerance = 0.15

/** Bytes that rounding and a neighbour's garbage may add: a share of nothing is nothing. */
const byteAllowance = 1

/** Says of every figure that has a target whether it is more than 15 % worse than the committed one; empty if none is. */
export function worsened(now: MicroResults, committed: MicroResults): string[] {
  return targets.flatMap(({ what, unit, measured }) => {
    const was = measured(committed)
    const is = measured(now)
    const limit = was * (1 + tolerance) + (unit === 'B' ? byteAllowance : 0)
    if (is <= limit) return []
    const by = was === 0 ? '' : `, ${Math.round((is / was - 1) * 100)} % more`
    return [`${what}: ${is} ${unit}, and the committed result is ${was}${by}`]
  })
}
