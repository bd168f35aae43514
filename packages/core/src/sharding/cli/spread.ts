import { createRing, type Ring } from '../ring.ts'
import { CliError } from './cli-error.ts'
import type { KeySet } from './key-file.ts'
import { chooseRing, type RingFile } from './ring-file.ts'
import { spreadSvg } from './spread-svg.ts'
import { columns, percent, printable, type Terminal } from './terminal.ts'

/** How many of a set of keys each server gets, and how many its weight would make. */
export interface Spread {
  readonly pool: string
  readonly about: string
  readonly servers: readonly {
    readonly name: string
    readonly share: number
    readonly due: number
  }[]
  /** The highest load against the weight, over all servers: 1 is perfectly even. */
  readonly fullest: number
}

const barWidth = 40
// Few, because far more even out what a thousand of them show.
const sequentialKeys = 1000

/** `holdfast-ring spread`: a picture of how keys spread over the servers of a pool. */
export function spread(
  terminal: Terminal,
  file: RingFile,
  keySet: KeySet,
  options: {
    pool?: string | undefined
    json?: boolean | undefined
    svg?: boolean | undefined
    sequential: boolean
  },
): void {
  const { name, ring: ringOptions } = chooseRing(file, options.pool)
  const ring = createRing(ringOptions)
  if (ring.distribution === 'random') {
    throw new CliError(
      `pool '${printable(name)}' is 'random': every server gets the same share by chance`,
    )
  }
  const measured = measure(name, ring, keySet)
  if (options.svg === true) {
    terminal.write(spreadSvg(measured))
    return
  }
  if (options.json === true) {
    terminal.write(`${JSON.stringify(measured)}\n`)
    return
  }
  terminal.write(
    `${printable(name)}: ${ring.servers.length} servers (${ring.distribution}), ${measured.about}\n`,
  )
  terminal.write(picture(measured))
  terminal.write(`fullest server: ${measured.fullest.toFixed(2)} times what its weight says\n`)
  if (options.sequential) terminal.write(sequentialNote(name, ring))
}

function measure(pool: string, ring: Ring, { about, keys }: KeySet): Spread {
  const counts = new Map(ring.servers.map(({ name }) => [name, 0]))
  for (const key of keys) {
    const server = ring.locate(key)
    counts.set(server, counts.get(server)! + 1)
  }
  const totalWeight = ring.servers.reduce((sum, { weight }) => sum + weight, 0)
  const servers = ring.servers.map(({ name, weight }) => ({
    name,
    share: counts.get(name)! / keys.length,
    due: weight / totalWeight,
  }))
  const fullest = Math.max(...servers.map(({ share, due }) => share / due))
  return { pool, about, servers, fullest }
}

/** One bar a server; the mark is where the bar would end if the spread were perfect. */
function picture({ servers }: Spread): string {
  const longest = Math.max(...servers.flatMap(({ share, due }) => [share, due]))
  const rows = servers.map(({ name, share, due }) => {
    const filled = Math.round((share / longest) * barWidth)
    const mark = Math.min(barWidth - 1, Math.round((due / longest) * barWidth))
    const bar = Array.from({ length: barWidth }, (_, i) => {
      if (i === mark) return i < filled ? '┃' : '│'
      return i < filled ? '█' : ' '
    })
    return [printable(name), percent(share), bar.join(''), `${(share / due).toFixed(2)}`]
  })
  return columns(rows)
}

/** Keys that count up are what hashes of few bits of mixing fail at, and what people have. */
function sequentialNote(name: string, ring: Ring): string {
  const keys = Array.from({ length: sequentialKeys }, (_, i) => `user:${i + 1}`)
  const { fullest } = measure(name, ring, { about: '', keys })
  return `with user:1 to user:${sequentialKeys}: ${fullest.toFixed(2)} times\n`
}
