import type { ImageFormat } from '../network/options.ts'

/** What the bytes themselves say. */
export interface Inspection {
  readonly format: ImageFormat
  /** The MIME type it is served as, always that of the bytes. */
  readonly type: string
  readonly width: number
  readonly height: number
  /** Where the image ends; bytes may follow. */
  readonly end: number
}

export interface InspectOptions {
  /** Formats that are admitted. */
  readonly types: readonly ImageFormat[]
  readonly limits: { readonly pixels: number; readonly side: number }
  /** The origin's Content-Type, if it sent one: some are refused whatever the bytes are. */
  readonly declaredType?: string | undefined
}

/**
 * Type, size and end of an image, from its bytes alone; nothing is decoded.
 * @throws ImageError `type`, `pixels` or `truncated`
 */
export declare function inspect(bytes: Uint8Array, options: InspectOptions): Inspection
