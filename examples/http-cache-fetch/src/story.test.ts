import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { play } from './story.ts'

test('the origin is asked only for what is cold, stale or changed, and is not missed while it is down', async () => {
  const clock = fakeClock()
  const scenes = await play((ms) => clock.advance(ms), clock)
  const told = scenes.map(({ cacheStatus }) => cacheStatus.split('; ').slice(1, 2).join(' '))
  expect(scenes.map(({ body }, index) => `${body} | ${told[index]}`)).toEqual([
    'price: 100 | fwd=uri-miss',
    'price: 100 | hit',
    'Preis: 100 | fwd=vary-miss',
    'price: 100 | fwd=stale',
    'price: 101 | fwd=uri-miss',
    'price: 101 | fwd=stale',
    'price: 101 | hit',
  ])
  // The POST is one of them.
  expect(scenes.map(({ asked }) => asked)).toEqual([1, 1, 2, 3, 5, 6, 6])
})
