import { UnsupportedError } from '@holdfast/core'
import { ImageError } from '../image-error.ts'

/** As much of sharp as is called here. */
export type Sharp = (
  bytes: Uint8Array,
  options: { limitInputPixels: number; failOn: 'warning'; animated: boolean },
) => { timeout(options: { seconds: number }): { stats(): Promise<unknown> } }

/** Imported at the first use: who does not verify by decoding does not need it installed. */
const importSharp = async (): Promise<Sharp> =>
  ((await import('sharp')) as unknown as { default: Sharp }).default

/**
 * Decodes every pixel of every frame once, for origins that are trusted less than their headers: damaged data is refused
 * here and nowhere else. `limits.pixels` bounds the frames of an animation together, since all of them are work.
 * @throws ImageError `type` where it does not decode, `pixels` where that is too much
 * @throws UnsupportedError where sharp is not installed
 */
export async function decodeCheck(
  bytes: Uint8Array,
  limits: { readonly pixels: number },
  load: () => Promise<Sharp> = importSharp,
): Promise<void> {
  let sharp: Sharp
  try {
    sharp = await load()
  } catch (cause) {
    throw new UnsupportedError(
      "verify: 'decode' needs the package sharp; install it beside @holdfast/image",
      {
        cause,
      },
    )
  }
  try {
    const { pixels } = limits
    const options = { limitInputPixels: pixels, failOn: 'warning', animated: true } as const
    await sharp(bytes, options).timeout({ seconds: 10 }).stats()
  } catch (cause) {
    if (/pixel limit/i.test(String((cause as Error)?.message))) {
      const message = `expected at most ${limits.pixels} pixels in all frames; see limits.pixels`
      throw new ImageError('pixels', message, { cause })
    }
    throw new ImageError('type', 'the image does not decode', { cause })
  }
}
