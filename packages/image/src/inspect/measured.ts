/** What a parser read from one format. */
export interface Measured {
  readonly width: number
  readonly height: number
  /** The largest picture inside, where one may be larger than the whole: a frame of an animation, a hidden image. */
  readonly largest?: { readonly width: number; readonly height: number }
  /** Where the image ends; `undefined` where it goes on after the last byte. */
  readonly end: number | undefined
}
