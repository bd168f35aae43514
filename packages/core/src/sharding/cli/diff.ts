import { compareRings } from '../compare-rings.ts'
import { createRing } from '../ring.ts'
import { CliError } from './cli-error.ts'
import type { KeySet } from './key-file.ts'
import type { RingFile } from './ring-file.ts'
import { columns, percent, printable, type Terminal } from './terminal.ts'

/** `holdfast-ring diff a.yml b.yml`: which share of the keys moves, pool by pool and server by server. */
export function diff(
  terminal: Terminal,
  before: RingFile,
  after: RingFile,
  { about, keys }: KeySet,
  options: { pool?: string | undefined; json?: boolean | undefined },
): void {
  const names = namesOf(before, after, options.pool)
  const results: Record<string, unknown> = {}
  terminal.writeError(`counted with ${about}\n`)
  for (const name of names) {
    const [ringBefore, ringAfter] = [before.rings[name], after.rings[name]]
    if (ringBefore === undefined || ringAfter === undefined) {
      const where = ringBefore === undefined ? after.path : before.path
      results[name] = { onlyIn: where }
      if (options.json !== true) terminal.write(`${printable(name)}: only in ${printable(where)}\n`)
      continue
    }
    const [from, to] = [createRing(ringBefore), createRing(ringAfter)]
    if (from.distribution === 'random' || to.distribution === 'random') {
      results[name] = { moved: null }
      if (options.json !== true) {
        terminal.write(
          `${printable(name)}: 'random' has no place for a key, so there is nothing to compare\n`,
        )
      }
      continue
    }
    const comparison = compareRings(from, to, keys)
    results[name] = comparison
    if (options.json === true) continue
    terminal.write(`${printable(name)}: ${percent(comparison.moved)} of the keys move\n`)
    terminal.write(
      columns([
        ['server', 'before', 'after', 'gains', 'loses'],
        ...Object.entries(comparison.perServer).map(([server, shares]) => [
          printable(server),
          percent(shares.before),
          percent(shares.after),
          percent(shares.gained),
          percent(shares.lost),
        ]),
      ]),
    )
  }
  if (options.json === true) terminal.write(`${JSON.stringify(results)}\n`)
}

function namesOf(before: RingFile, after: RingFile, wanted: string | undefined): string[] {
  const names = [...new Set([...Object.keys(before.rings), ...Object.keys(after.rings)])]
  if (wanted === undefined) return names
  if (names.includes(wanted)) return [wanted]
  throw new CliError(
    `neither file has a pool '${printable(wanted)}'; there are ${names.map(printable).join(', ')}`,
  )
}
