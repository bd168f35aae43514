import { expect, it } from 'vitest'
import { fakeClock } from '../testing/fake-clock.ts'
import { channels } from './events.ts'
import { Observer } from './observer.ts'

it('what a miss brings is built from when somebody listens until nobody does', () => {
  const observer = new Observer('default', fakeClock())
  expect(observer.hearsMisses).toBe(false)
  const off = observer.on('stale', () => {})
  const untap = observer.tap(() => {})
  off()
  expect(observer.hearsMisses).toBe(true)
  untap()
  expect(observer.hearsMisses).toBe(false)
  observer.on('load', () => {})
  observer.close()
  expect(observer.hearsMisses).toBe(false)
})

it.each(['miss', 'load', 'evict'] as const)(
  'so it is while the channel of %s has a subscriber',
  (name) => {
    const observer = new Observer('default', fakeClock())
    const hear = () => {}
    channels[name].subscribe(hear)
    try {
      expect(observer.hearsMisses).toBe(true)
    } finally {
      channels[name].unsubscribe(hear)
    }
    expect(observer.hearsMisses).toBe(false)
  },
)
