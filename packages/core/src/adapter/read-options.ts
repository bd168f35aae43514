import { durationMs } from '../options/duration.ts'
import { unmet } from '../options/expectation.ts'
import { type Reader, reader } from '../options/readers.ts'

// Where there are credentials beside it, what came in the wrong place may be one: unlike core's own, these messages tell its
// kind and never its content.
const durationReader =
  (expected: string, fits: (ms: number) => boolean): Reader<number> =>
  (value, option) => {
    const ms = durationMs(value)
    if (fits(ms)) return ms
    throw unmet(option, expected, value)
  }

/** Milliseconds of a duration. @throws InvalidOptionError that names `option` */
export const readDuration = durationReader(
  "milliseconds as a number from 0 to Infinity, or a string such as '250ms', '30s', '5m', '2h' or '7d'",
  (ms) => ms >= 0,
)

/** Milliseconds of a duration above 0. @throws InvalidOptionError that names `option` */
export const readSpan = durationReader(
  "milliseconds above 0 as a number, or a string such as '250ms' or '2s'",
  (ms) => ms > 0,
)

/** Reads a whole number within bounds. The reader throws `InvalidOptionError`. */
export const readWhole = (least: number, most: number): Reader<number> =>
  reader(
    `a whole number from ${least} to ${most}`,
    (value) =>
      Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  )
