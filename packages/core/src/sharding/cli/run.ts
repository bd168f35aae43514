import { parseArgs } from 'node:util'
import { isCacheError } from '../../errors.ts'
import { type Address, parseAddress } from './addresses.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { diff } from './diff.ts'
import { explain } from './explain.ts'
import { readKeys } from './key-file.ts'
import { readRingFile, warn } from './ring-file.ts'
import { spread } from './spread.ts'
import { printable, type Terminal } from './terminal.ts'
import { verify } from './verify.ts'

const help = `holdfast-ring: which server is a key on, and what would a change move?

  holdfast-ring explain <key> [file]    why the key is where it is
  holdfast-ring diff <before> <after>   the share of keys that move, pool by pool and server by server
  holdfast-ring spread [file]           a picture of how keys spread over the servers
  holdfast-ring verify [file]           writes keys of its own through a running nutcracker, and looks for each
                                        on the server where the ring says it is

A file is a nutcracker.yml, or a .json with the options of createRing. Default: nutcracker.yml in this directory.

  -p, --pool <name>    the pool, where a file has several
  -k, --keys <file>    diff, spread: count with these keys, one a line, instead of 100,000 sample keys
      --svg            spread: an SVG picture on standard output
      --json           explain, diff, spread: for programs
      --count <n>      verify: how many keys to write, default 200
      --proxy <addr>   verify: where nutcracker is, if not at the pool's listen address
      --stats <addr>   verify: compare pool and servers with nutcracker's stats port first
      --host <host>    verify: may talk to this host too; without it, to this machine only; may be repeated
      --timeout <ms>   verify: how long to wait for an answer, default 2000
  -h, --help           this text

Exit code: 0 done, 1 verify found a difference, 2 wrong arguments or file, 3 somebody did not answer.
`

const optionTypes = {
  pool: { type: 'string', short: 'p' },
  keys: { type: 'string', short: 'k' },
  svg: { type: 'boolean' },
  json: { type: 'boolean' },
  count: { type: 'string' },
  proxy: { type: 'string' },
  stats: { type: 'string' },
  host: { type: 'string', multiple: true },
  timeout: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

type Options = ReturnType<typeof parse>['values']

const defaultFile = 'nutcracker.yml'

/** Which options a command knows; any other is refused, not ignored. */
const commands: Readonly<
  Record<
    string,
    {
      readonly options: readonly (keyof typeof optionTypes)[]
      readonly run: (
        terminal: Terminal,
        operands: readonly string[],
        options: Options,
      ) => Promise<number>
    }
  >
> = {
  explain: {
    options: ['pool', 'json'],
    async run(terminal, operands, options) {
      const [key, path = defaultFile] = take(operands, 1, 2, 'explain <key> [file]')
      explain(terminal, await readRingFile(terminal, path), key!, options)
      return exitCodes.done
    },
  },
  diff: {
    options: ['pool', 'keys', 'json'],
    async run(terminal, operands, options) {
      const [before, after] = take(operands, 2, 2, 'diff <before> <after>')
      const files = [
        await readRingFile(terminal, before!),
        await readRingFile(terminal, after!),
      ] as const
      for (const file of files) warn(terminal, file)
      diff(terminal, ...files, await readKeys(terminal, options.keys), options)
      return exitCodes.done
    },
  },
  spread: {
    options: ['pool', 'keys', 'svg', 'json'],
    async run(terminal, operands, options) {
      const [path = defaultFile] = take(operands, 0, 1, 'spread [file]')
      const file = await readRingFile(terminal, path)
      const keys = await readKeys(terminal, options.keys)
      warn(terminal, file)
      spread(terminal, file, keys, { ...options, sequential: options.keys === undefined })
      return exitCodes.done
    },
  },
  verify: {
    options: ['pool', 'count', 'proxy', 'stats', 'host', 'timeout'],
    async run(terminal, operands, options) {
      const [path = defaultFile] = take(operands, 0, 1, 'verify [file]')
      return verify(terminal, await readRingFile(terminal, path), {
        pool: options.pool,
        proxy: addressOption('proxy', options.proxy),
        stats: addressOption('stats', options.stats),
        hosts: options.host ?? [],
        count: numberOption('count', options.count, 200, 1, 100_000),
        timeoutMs: numberOption('timeout', options.timeout, 2000, 1, 600_000),
      })
    },
  },
}

/** Runs one command line and returns its exit code; a problem is told in one line on standard error. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const { values: options, positionals } = parse(args)
    const [name, ...operands] = positionals
    if (options.help === true) {
      terminal.write(help)
      return exitCodes.done
    }
    if (name === undefined) {
      terminal.writeError(help)
      return exitCodes.usage
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) {
      throw new CliError(
        `there is no command '${name}'; there are ${Object.keys(commands).join(', ')}`,
      )
    }
    for (const option of Object.keys(options) as (keyof Options)[]) {
      if (!command.options.includes(option))
        throw new CliError(`'${name}' has no option --${option}`)
    }
    return await command.run(terminal, operands, options)
  } catch (error) {
    if (!(error instanceof CliError) && !isCacheError(error)) throw error
    terminal.writeError(`holdfast-ring: ${printable(error.message)}\n`)
    return error instanceof CliError ? error.exitCode : exitCodes.usage
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: optionTypes, allowPositionals: true })
  } catch (error) {
    throw new CliError(`${(error as Error).message} (see holdfast-ring --help)`, undefined, error)
  }
}

function take(
  operands: readonly string[],
  least: number,
  most: number,
  usage: string,
): readonly string[] {
  if (operands.length >= least && operands.length <= most) return operands
  throw new CliError(`expected: holdfast-ring ${usage}`)
}

function addressOption(option: string, text: string | undefined): Address | undefined {
  const address = text === undefined ? undefined : parseAddress(text)
  if (text !== undefined && address === undefined) {
    throw new CliError(`--${option} must be host:port or the path of a socket`)
  }
  return address
}

function numberOption(
  option: string,
  text: string | undefined,
  byDefault: number,
  least: number,
  most: number,
): number {
  const value = text === undefined ? byDefault : Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new CliError(`--${option} must be a whole number from ${least} to ${most}`)
}
