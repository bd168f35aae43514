import { isCacheError } from '../../errors.ts'
import { parseNutcracker } from '../nutcracker/parse-nutcracker.ts'
import type { NutcrackerPool } from '../nutcracker/pool.ts'
import type { RingOptions } from '../ring-options.ts'
import { CliError } from './cli-error.ts'
import { printable, type Terminal } from './terminal.ts'

/** The rings of a file, by name: the pools of a nutcracker.yml, or the one of a JSON file, called `ring`. */
export interface RingFile {
  readonly path: string
  readonly rings: Readonly<Record<string, RingOptions | NutcrackerPool>>
  /** What nutcracker takes and people regret. */
  readonly warnings: readonly string[]
}

export const isPool = (ring: RingOptions | NutcrackerPool): ring is NutcrackerPool =>
  typeof ring === 'object' && ring !== null && 'listen' in ring

/** Reads a file. */
export async function readRingFile(terminal: Terminal, path: string): Promise<RingFile> {
  let text: string
  try {
    text = await terminal.readFile(path)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new CliError(
      `cannot read ${printable(path)} (${reason}); the file comes last, as in holdfast-ring explain user:1 nutcracker.yml`,
      undefined,
      error,
    )
  }
  try {
    if (path.endsWith('.json'))
      return { path, rings: { ring: JSON.parse(text) as RingOptions }, warnings: [] }
    const { pools, warnings } = parseNutcracker(text)
    return { path, rings: pools, warnings }
  } catch (error) {
    if (isCacheError(error) || error instanceof SyntaxError) {
      throw new CliError(printable(`${path}: ${error.message}`), undefined, error)
    }
    throw error
  }
}

/** Prints the warnings where they do not get into the way of a result. */
export function warn(terminal: Terminal, { path, warnings }: RingFile): void {
  for (const warning of warnings) {
    terminal.writeError(`${printable(`${path}: warning: ${warning}`)}\n`)
  }
}

/** The pool that was asked for, or the only one there is. */
export function chooseRing(
  { path, rings }: RingFile,
  wanted: string | undefined,
): { name: string; ring: RingOptions | NutcrackerPool } {
  const names = Object.keys(rings)
  const [only, ...others] = names
  const name = wanted ?? (others.length === 0 ? only : undefined)
  if (name !== undefined && names.includes(name)) return { name, ring: rings[name]! }
  const choice = names.map(printable).join(', ')
  throw new CliError(
    name === undefined
      ? `${printable(path)} has several pools; choose one with --pool: ${choice}`
      : `${printable(path)} has no pool '${printable(name)}'; it has ${choice}`,
  )
}
