import { prometheus } from '@holdfast/core/telemetry'
import { expect, onTestFinished, test } from 'vitest'
import { setup, url } from './origin.ts'
import { png } from './pictures.ts'

test('the metrics of a cache tell of its images: hits, downloads, what was refused and why', async () => {
  const made = await setup()
  onTestFinished(() => made.close())
  const { origin, images, cache } = made
  const figures = () =>
    new Map(
      prometheus(cache)
        .split('\n')
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    )
  const before = figures()
  const grown = (name: string, labels = '') => {
    const line = `${name}{cache="default"${labels}}`
    return (figures().get(line) ?? 0) - (before.get(line) ?? 0)
  }
  origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  for (let times = 0; times < 4; times++) await images.get(url)
  await expect(images.get('http://169.254.169.254/')).rejects.toMatchObject({ code: 'origin' })
  expect(grown('holdfast_requests_total', ',outcome="hit"')).toBe(3)
  expect(grown('holdfast_requests_total', ',outcome="miss"')).toBe(1)
  expect(grown('holdfast_loads_total')).toBe(1)
  expect(grown('holdfast_refused_total')).toBe(1)
  expect(grown('holdfast_image_blocked_total', ',reason="origin"')).toBe(1)
})
