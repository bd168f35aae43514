import { parseArgs } from 'node:util'
import { jsonSchema } from '../config/json-schema.ts'
import { readConfig } from '../config/read-config.ts'
import { isCacheError } from '../errors.ts'
import { examine, type ImportAdapter } from './examine.ts'
import { countsOf, jsonReport, textReport } from './report.ts'

/** All that the command line touches of the world, so that tests can hand in another. */
export interface World {
  write(text: string): void
  writeError(text: string): void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly importAdapter: ImportAdapter
}

const exitCodes = { fine: 0, unwell: 1, usage: 2 } as const

const help = `holdfast-doctor: is a configuration fit for use, and are the servers it names?

  holdfast-doctor <config.yaml | config.json>

It connects to every server, reads what they tell of themselves, sends one value of its own through each store, and
says what is wrong or risky and what to do about it. Adapters are loaded from the current directory; variables that
begin with HOLDFAST_ are laid over the file, as in the application.

      --json           for programs
      --schema         prints the JSON Schema of configurations, for editors
      --strict         warnings count as problems, too
      --timeout <ms>   how long a server may take for an answer, default 2000
  -h, --help           this text

Exit code: 0 nothing critical, 1 something critical (with --strict: or a warning), 2 wrong arguments or configuration.
`

/** Runs one command line and returns its exit code. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const refuse = (message: string): number => {
    world.writeError(`holdfast-doctor: ${printable(message)}\n`)
    return exitCodes.usage
  }
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    return refuse(`${(error as Error).message} (see holdfast-doctor --help)`)
  }
  const { values, positionals } = parsed
  if (values.help === true) {
    world.write(help)
    return exitCodes.fine
  }
  if (values.schema === true) {
    world.write(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`)
    return exitCodes.fine
  }
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) {
    world.writeError(help)
    return exitCodes.usage
  }
  const timeoutMs = Number(values.timeout ?? 2_000)
  if (!(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 600_000))
    return refuse('--timeout must be a whole number from 1 to 600000')
  try {
    const config = await readConfig({ file, env: world.env })
    const findings = await examine(config, {
      importAdapter: world.importAdapter,
      timeoutMs,
      directory: world.directory,
    })
    world.write(values.json === true ? jsonReport(findings) : printable(textReport(findings)))
    const { critical, warning } = countsOf(findings)
    return critical > 0 || (values.strict === true && warning > 0)
      ? exitCodes.unwell
      : exitCodes.fine
  } catch (error) {
    if (!isCacheError(error)) throw error
    return refuse(error.message)
  }
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean' },
      schema: { type: 'boolean' },
      strict: { type: 'boolean' },
      timeout: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  })

/** Names in a file may hold characters that act on a terminal. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    character === '\n' ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
