import { InvalidOptionError } from '@holdfast/core'
import { expect, onTestFinished, test } from 'vitest'
import type { ImageCache } from '../../src/image-cache/image-cache.ts'
import { toNode } from '../../src/serve/to-node.ts'
import { setup as setUp, url } from './origin.ts'
import { png } from './pictures.ts'

async function setup() {
  const made = await setUp()
  onTestFinished(() => made.close())
  return made
}

/** Whatever a caller without types writes. */
type Anything = (...given: unknown[]) => unknown
const untyped = (images: ImageCache) => images as unknown as Record<keyof ImageCache, Anything>

test.for<[unknown, RegExp]>([
  [{ varaint: 'small' }, /did you mean 'variant'/],
  [{ variant: 320 }, /variant must be a string; it was 320/],
  [{ integrity: 'md5-abc' }, /integrity must hold a hash/],
  [{ integrity: '' }, /integrity must hold a hash/],
  [{ signal: {} }, /signal must be an AbortSignal/],
  ['small', /options of get must be an object/],
])('get refuses %j before the origin is asked', async ([options, message]) => {
  const { origin, images } = await setup()
  const asked = untyped(images).get(url, options)
  await expect(asked).rejects.toThrow(InvalidOptionError)
  await expect(asked).rejects.toThrow(message)
  expect(origin.hits).toBe(0)
})

test('a misspelt soft purges nothing, where it would have purged for good', async () => {
  const { origin, images } = await setup()
  origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  await images.get(url)
  await expect(untyped(images).purge(url, { sotf: true })).rejects.toThrow(/did you mean 'soft'/)
  await expect(untyped(images).purge(url, { soft: 'yes' })).rejects.toThrow(/soft must be true/)
  expect(images.peek(url)).toMatchObject({ status: 'hit' })
})

test('one URL alone is not warmed letter by letter', async () => {
  const { origin, images } = await setup()
  await expect(untyped(images).warm(url)).rejects.toThrow(/the URLs of warm must be an array/)
  expect(origin.hits).toBe(0)
  expect(await images.warm(new Set([url]))).toMatchObject({ loaded: 1 })
})

test('tags are a list, and what is none rejects', async () => {
  const { images } = await setup()
  for (const tags of ['news', undefined, [5], ['']])
    await expect(untyped(images).purgeTags(tags)).rejects.toThrow(/the tags of purgeTags/)
})

test('peek knows its one option', async () => {
  const { images } = await setup()
  expect(() => untyped(images).peek(url, { varaint: 'a' })).toThrow(/did you mean 'variant'/)
})

test('toNode takes a handler, and says so where it gets the images themselves', async () => {
  const { images } = await setup()
  expect(() => (toNode as Anything)(images)).toThrow(/such as createImageHandler\(images\)/)
})
