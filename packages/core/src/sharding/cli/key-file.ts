import { sampleKeys } from '../compare-rings.ts'
import { CliError } from './cli-error.ts'
import { printable, type Terminal } from './terminal.ts'

/** Keys to count with, and how to call them. */
export interface KeySet {
  readonly about: string
  readonly keys: readonly string[]
}

const sampleSize = 100_000

/** The keys of a file, one a line, or a sample without a pattern. */
export async function readKeys(terminal: Terminal, path: string | undefined): Promise<KeySet> {
  if (path === undefined) {
    const keys = [...sampleKeys(sampleSize)]
    return { about: `${keys.length} sample keys`, keys }
  }
  let text: string
  try {
    text = await terminal.readFile(path)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new CliError(`cannot read the keys in ${printable(path)} (${reason})`, undefined, error)
  }
  const keys = text.split(/\r?\n/).filter((line) => line !== '')
  if (keys.length === 0) throw new CliError(`${printable(path)} holds no keys; write one a line`)
  return { about: `${keys.length} keys of ${printable(path)}`, keys }
}
