import { expect, test } from 'vitest'
import { fakeClock } from '../testing/fake-clock.ts'
import { Ejection } from './ejection.ts'

const settings = { failureLimit: 2, retryAfterMs: 1_000, probes: true }

function lab(given: Partial<typeof settings> = {}) {
  const clock = fakeClock()
  const changes: boolean[] = []
  const world = { answers: false, probes: 0 }
  const ejection = new Ejection(
    { ...settings, ...given },
    clock,
    async () => {
      world.probes++
      if (!world.answers) throw new Error('still dead')
    },
    (isOut) => changes.push(isOut),
  )
  return { clock, ejection, changes, world }
}

test('failures have to follow each other', () => {
  const { ejection } = lab()
  ejection.failed()
  ejection.succeeded()
  ejection.failed()
  expect(ejection.isOut).toBe(false)
  ejection.failed()
  expect(ejection.isOut).toBe(true)
  expect(ejection.ejects).toBe(1)
})

test('with probes, it is out until somebody has seen it answer', async () => {
  const { ejection, clock, changes, world } = lab()
  ejection.failed()
  ejection.failed()
  await clock.advance(3_500)
  expect(world.probes).toBe(3)
  ejection.look()
  expect(ejection.isOut).toBe(true)
  world.answers = true
  await clock.advance(500)
  expect(changes).toEqual([true, false])
})

test('without probes, the first look after its time finds it back', async () => {
  const { ejection, clock, world } = lab({ probes: false })
  ejection.failed()
  ejection.failed()
  await clock.advance(1_000)
  ejection.look()
  expect(ejection.isOut).toBe(true)
  await clock.advance(1)
  ejection.look()
  expect(ejection.isOut).toBe(false)
  expect(world.probes).toBe(0)
})

test('is not taken out twice for failures that were on their way', () => {
  const { ejection } = lab()
  for (let times = 0; times < 10; times++) ejection.failed()
  expect(ejection.ejects).toBe(1)
})

test('probes no more once it is stopped', async () => {
  const { ejection, clock, world } = lab()
  ejection.failed()
  ejection.failed()
  ejection.stop()
  await clock.advance(5_000)
  expect(world.probes).toBe(0)
  expect(clock.pendingTimers).toBe(0)
})
