import fc from 'fast-check'
import { describe, it } from 'vitest'
import { play } from './model.ts'
import { sharedStories, stories } from './model-stories.ts'

/** More of them in a command of their own: `pnpm --filter @holdfast/core test:soak`. */
const numRuns = Number(process.env.HOLDFAST_MODEL_RUNS ?? 10_000)
const seed = Number(process.env.HOLDFAST_MODEL_SEED ?? 20_260_101)

describe('in random interleavings of reads, loads and invalidations', () => {
  it(
    'no call that began after an invalidation gets an older value, every waiter settles, and nothing is left behind',
    async () => {
      await fc.assert(fc.asyncProperty(stories, play), { numRuns, seed, endOnFailure: false })
    },
    Math.max(120_000, numRuns * 12),
  )

  it(
    'the same holds for two processes that share a store, once the bus has told',
    async () => {
      const shared = { numRuns: Math.ceil(numRuns / 20), seed, endOnFailure: false }
      await fc.assert(fc.asyncProperty(sharedStories, play), shared)
    },
    Math.max(120_000, numRuns * 12),
  )
})
