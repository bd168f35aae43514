/** What Next.js asks a loader: `next/image` calls it once for each width it may need. */
export interface LoaderRequest {
  readonly src: string
  readonly width: number
  readonly quality?: number
}

/** The widths the service makes. Every other one is answered by the next larger. */
export const widths = [160, 320, 640, 960, 1280, 1920]

/**
 * `images.loaderFile` in `next.config.js`: pictures come from the service, and Next.js itself downloads and resizes
 * none. The width stands in the path, and the picture's address in the only parameter.
 */
export default function imageLoader({ src, width }: LoaderRequest): string {
  const wide = widths.find((each) => each >= width) ?? widths.at(-1)!
  const base = process.env.NEXT_PUBLIC_IMAGES ?? '/images'
  return `${base}/w${wide}/?url=${encodeURIComponent(src)}`
}
