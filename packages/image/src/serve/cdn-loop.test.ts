import { expect, it } from 'vitest'
import { isLoop } from './cdn-loop.ts'

it.each([
  [null, false],
  ['', false],
  ['other', false],
  ['holdfast', true],
  ['Holdfast', true],
  ['other, holdfast; v="1.0"', true],
  ['holdfast-2, notholdfast', false],
])('CDN-Loop: %s names this cache: %s', (value, expected) => {
  expect(isLoop(value, 'holdfast')).toBe(expected)
})
