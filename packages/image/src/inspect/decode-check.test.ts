import { UnsupportedError } from '@holdfast/core'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { ImageError } from '../image-error.ts'
import { decodeCheck } from './decode-check.ts'
import { defaultTypes, inspect } from './inspect.ts'

const limits = { pixels: 1_000_000, side: 1_000 }
const noise = Buffer.alloc(40 * 30 * 3, 0).map((_, place) => (place * 7919) % 251)
const image = () => sharp(noise, { raw: { width: 40, height: 30, channels: 3 } })

it.each(['jpeg', 'png', 'gif', 'webp', 'avif'] as const)('a whole %s decodes', async (format) => {
  await decodeCheck(await image().toFormat(format).toBuffer(), limits)
})

it('a picture whose header is in order and whose data is not is refused', async () => {
  const bytes = new Uint8Array(await image().png().toBuffer())
  // In the middle of the compressed pixels.
  bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 40)
  expect(inspect(bytes, { types: defaultTypes, limits })).toMatchObject({ width: 40 })
  const error = await decodeCheck(bytes, limits).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ImageError)
  expect(error).toMatchObject({ code: 'type', status: 502 })
})

it('all frames of an animation are decoded, and counted together', async () => {
  const raw = { width: 40, height: 30, channels: 3, pageHeight: 10 } as const
  const bytes = await sharp(noise, { raw }).gif().toBuffer()
  await decodeCheck(bytes, limits)
  await expect(decodeCheck(bytes, { pixels: 1_199 })).rejects.toMatchObject({ code: 'pixels' })
  await decodeCheck(bytes, { pixels: 1_200 })
})

it('without sharp, the error says what to install', async () => {
  const load = () => Promise.reject(new Error("Cannot find package 'sharp'"))
  const error = await decodeCheck(new Uint8Array(), limits, load).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(UnsupportedError)
  expect((error as Error).message).toContain('sharp')
})
