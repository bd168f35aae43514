import { fakeClock } from '@holdfast/core/testing'
import { describe, expect, it } from 'vitest'
import { OriginStates } from './origin-states.ts'

const never = new AbortController().signal

describe('what is known of origins', () => {
  it('is kept of the last thousand, and of those that are being asked', async () => {
    const states = new OriginStates(fakeClock())
    let leave = () => {}
    const busy = states.of('https://busy.example')
    const working = busy.gate.enter(
      1,
      never,
      () => new Promise<void>((resolve) => (leave = resolve)),
    )
    const first = states.of('https://first.example')
    for (let origin = 0; origin < 5_000; origin++) states.of(`https://${origin}.example`)
    expect(states.size).toBe(1_000)
    expect(states.of('https://busy.example')).toBe(busy)
    expect(states.of('https://first.example')).not.toBe(first)
    leave()
    await working
  })
})
