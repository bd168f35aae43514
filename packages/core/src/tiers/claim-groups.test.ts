import { expect, test } from 'vitest'
import { Budget } from '../resilience/budget.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { claimInGroups } from './claim-groups.ts'

const items = Array.from({ length: 1_000 }, (_none, index) => index)

async function run(groupMs: number) {
  const clock = fakeClock()
  const budget = new Budget(clock, 200)
  const spent = new Budget(clock, 0)
  const sent: number[] = []
  let [atOnce, most] = [0, 0]
  const done = claimInGroups(items, budget, spent, clock, (item, within) =>
    within.spend(async (ms) => {
      if (ms <= 0) return
      sent.push(item)
      most = Math.max(most, ++atOnce)
      await new Promise<void>((resolve) => clock.setTimeout(resolve, groupMs))
      atOnce--
    }),
  )
  for (let step = 0; step < 30; step++) await clock.advance(10)
  await done
  return { sent, most }
}

test('many claims are sent a few hundred at once, in their order', async () => {
  expect(await run(10)).toEqual({ sent: items, most: 256 })
})

test('no group is sent that would not be answered in time', async () => {
  expect((await run(90)).sent).toEqual(items.slice(0, 512))
  expect((await run(120)).sent).toEqual(items.slice(0, 256))
})
