import { prometheus } from '@holdfast/core/telemetry'
import { expect, onTestFinished, test } from 'vitest'
import { setup, url } from './origin.ts'
import { png } from './pictures.ts'

async function measured() {
  const made = await setup()
  onTestFinished(() => made.close())
  const { cache } = made
  cache.on('error', () => {})
  const figures = () =>
    new Map(
      prometheus(cache)
        .split('\n')
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    )
  const before = figures()
  /** How much a figure has grown. */
  const grown = (name: string, labels = '') => {
    const line = `${name}{cache="default"${labels}}`
    return (figures().get(line) ?? 0) - (before.get(line) ?? 0)
  }
  return { ...made, grown }
}

test('the metrics of a cache tell of its images: hits, downloads, what was refused and why', async () => {
  const { origin, images, grown } = await measured()
  origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  for (let times = 0; times < 4; times++) await images.get(url)
  await expect(images.get('http://169.254.169.254/')).rejects.toMatchObject({ code: 'origin' })
  expect(grown('holdfast_requests_total', ',outcome="hit"')).toBe(3)
  expect(grown('holdfast_requests_total', ',outcome="miss"')).toBe(1)
  expect(grown('holdfast_loads_total')).toBe(1)
  expect(grown('holdfast_refused_total')).toBe(1)
  expect(grown('holdfast_image_blocked_total', ',reason="origin"')).toBe(1)
})

test('a download that fails is a load that failed, with and without a picture that stands in; a 404 is none', async () => {
  const { origin, images, clock, passing, grown } = await measured()
  const failures = () => grown('holdfast_load_failures_total', ',reason="error"')
  origin.answer = () => ({ status: 404 })
  await expect(images.get(`${url}?none`)).rejects.toMatchObject({ code: 'status' })
  expect(failures()).toBe(0)
  origin.answer = () => ({ status: 500 })
  await expect(passing(images.get(`${url}?broken`))).rejects.toMatchObject({ code: 'status' })
  expect(failures()).toBe(1)
  origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  await images.get(url)
  await clock.advance('2m')
  origin.answer = () => ({ body: Buffer.from('<html>') })
  expect((await images.get(url)).status).toBe('stale')
  expect(failures()).toBe(2)
  origin.answer = () => ({ status: 302, headers: { location: 'http://10.0.0.1/' } })
  await expect(images.get(`${url}?inside`)).rejects.toMatchObject({ code: 'origin' })
  expect(failures()).toBe(2)
})
