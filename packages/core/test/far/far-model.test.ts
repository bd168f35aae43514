import fc from 'fast-check'
import { describe, it } from 'vitest'
import { play, stories } from './far-model.ts'

/** More of them in a command of their own: `pnpm --filter @holdfast/core test:soak`. */
const numRuns = Number(process.env.HOLDFAST_FAR_MODEL_RUNS ?? 2_000)
const seed = Number(process.env.HOLDFAST_MODEL_SEED ?? 20_260_101)

describe('in random stories of processes that share a store', () => {
  it(
    'no call that began after an invalidation gets an older value, everybody gets an answer, one process loads a key, and nothing is left behind',
    async () => {
      await fc.assert(fc.asyncProperty(stories, play), { numRuns, seed })
    },
    Math.max(600_000, numRuns * 120),
  )
})
