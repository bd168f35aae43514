import { closeSync, constants, fstat, open, read, type Stats } from 'node:fs'

// Absent on Windows, where opening a link follows it; there the digest alone says what is believed.
const noFollow = constants.O_NOFOLLOW ?? 0
const nonBlocking = constants.O_NONBLOCK ?? 0
const flags = constants.O_RDONLY | noFollow | nonBlocking

export interface WholeFile {
  readonly bytes: Buffer
  /** `undefined` where the file was as long as expected, and nothing else was asked of it. */
  readonly stat: Stats | undefined
}

/**
 * A whole file, by Node's callbacks: each way into the pool of threads that is saved is a tenth of what a small read
 * takes (docs/decisions/0034-disk-reads.md). Of a file that is as long as expected nothing else is asked. `undefined`: it is no file, or longer than
 * `mostBytes`. A link is not followed: `ELOOP`.
 */
export function readWholeFile(
  path: string,
  expectedBytes: number | undefined,
  mostBytes: number,
): Promise<WholeFile | undefined> {
  return new Promise((resolve, reject) => {
    open(path, flags, (failed, file) => {
      if (failed) {
        reject(failed)
        return
      }
      const done = (error: Error | null, result?: WholeFile) => {
        // Nothing was written through it, so closing waits for no disk; by way of the pool it would cost a thread's turn.
        closeSync(file)
        if (error) reject(error)
        else resolve(result)
      }
      const ask = () =>
        fstat(file, (error, stat) => {
          if (error) done(error)
          else if (!stat.isFile() || stat.size > mostBytes) done(null)
          else fill(stat.size, stat)
        })
      const fill = (size: number, stat: Stats | undefined) => {
        // One more than expected, so that a longer file shows.
        const bytes = Buffer.allocUnsafeSlow(size + 1)
        const next = (at: number) =>
          read(file, bytes, at, bytes.length - at, at, (error, count) => {
            if (error) done(error)
            // All that was expected and no byte more: asking once again for nothing would be another way into the pool.
            else if (at + count === size) done(null, { bytes: bytes.subarray(0, size), stat })
            else if (count > 0 && at + count < bytes.length) next(at + count)
            else if (stat !== undefined) done(null, { bytes: bytes.subarray(0, at + count), stat })
            else ask()
          })
        next(0)
      }
      if (expectedBytes === undefined) ask()
      else fill(expectedBytes, undefined)
    })
  })
}
