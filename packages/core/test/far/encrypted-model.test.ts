import fc from 'fast-check'
import { describe, it } from 'vitest'
import { canaryKey } from '../../../../lab/src/canary.ts'
import { encryptedStore } from '../../src/store/encrypted-store.ts'
import { playAround, stories } from './far-model.ts'

const numRuns = Number(process.env.HOLDFAST_FAR_MODEL_RUNS ?? 300)
const seed = Number(process.env.HOLDFAST_MODEL_SEED ?? 20_260_102)
const secretOf = (id: string) => canaryKey(id)

/** Three processes of a rotation, each at another stage of it: all of them read what any of them writes. */
const stages = [
  ['old', 'new'],
  ['new', 'old'],
  ['old', 'new', 'unused'],
].map((ids) => ids.map((id) => ({ id, secret: secretOf(id) })))

describe('through encrypted stores, in the middle of a rotation, in random stories of processes that share a store', () => {
  it(
    'no call that began after an invalidation gets an older value, everybody gets an answer, and one process loads a key',
    async () => {
      const property = fc.asyncProperty(stories, (story) => {
        let members = 0
        return playAround(story, (store) =>
          encryptedStore(store, { keys: stages[members++ % stages.length]! }),
        )
      })
      await fc.assert(property, { numRuns, seed })
    },
    Math.max(120_000, numRuns * 120),
  )
})
