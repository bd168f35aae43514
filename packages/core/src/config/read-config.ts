import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidOptionError } from '../errors.ts'
import { unmet } from '../options/expectation.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import { checkNode } from './check-node.ts'
import { blame, ConfigError } from './config-error.ts'
import { configNode } from './config-node.ts'
import type { HoldfastConfig } from './config-options.ts'
import {
  applyOverride,
  argumentOverrides,
  environmentOverrides,
  fileVariable,
} from './overrides.ts'
import { parseJson } from './parse-json.ts'
import { parseYaml } from './parse-yaml.ts'
import { checkReferences } from './references.ts'
import { revealSecrets } from './revealed.ts'
import type { SecretPlaces } from './secret.ts'

/** Where a configuration comes from; of the three the later one is the stronger. */
export interface ConfigSources {
  /** A `.json`, `.yaml` or `.yml` file. Default: what `HOLDFAST_CONFIG` names in `env`, else none. */
  readonly file?: string | URL | undefined
  /** Variables that begin with `HOLDFAST_`, and those that `env:` refers to. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Such as `['--caches.api.defaults.ttl=30s']`: those meant for the configuration, and no others. Default none. */
  readonly args?: readonly string[] | undefined
}

const mostBytes = 1024 * 1024
const places = new WeakMap<object, SecretPlaces>()

/**
 * Reads, merges and checks a configuration, and makes sure that every secret it refers to is there. In the answer
 * secrets stay what they were, references, and show themselves nowhere.
 * @throws ConfigError, as a rejection, with the path of what is wrong.
 */
export async function readConfig(sources: ConfigSources = {}): Promise<HoldfastConfig> {
  readObject(sources, 'readConfig')
  refuseUnknownNames(sources, ['file', 'env', 'args'], 'readConfig')
  const { env = process.env, args = [] } = sources
  const file = fileOf(sources.file ?? env[fileVariable])
  const directory = file === undefined ? process.cwd() : dirname(resolve(file))
  const where: SecretPlaces = { env, directory }
  const written = file === undefined ? {} : await readSource(file)
  const merged = copyOf(written) as object
  for (const override of [...environmentOverrides(env), ...argumentOverrides(args)])
    applyOverride(merged, override, where)
  return attempt(() => {
    const config = checkNode(configNode, merged, '', where) as HoldfastConfig
    return complete(config, where)
  }, file)
}

/** A configuration that was built in code, checked the same way. */
export async function checkConfig(given: HoldfastConfig): Promise<HoldfastConfig> {
  if (places.has(given)) return given
  const where: SecretPlaces = { env: process.env, directory: process.cwd() }
  return complete(checkNode(configNode, given, '', where) as HoldfastConfig, where)
}

/** Where the files are that a configuration names. */
export const directoryOf = (config: HoldfastConfig): string =>
  places.get(config)?.directory ?? process.cwd()

async function complete(config: HoldfastConfig, where: SecretPlaces): Promise<HoldfastConfig> {
  checkReferences(config)
  await revealSecrets(config)
  const whole = deepFreeze(config)
  places.set(whole, where)
  return whole
}

export function fileOf(file: unknown): string | undefined {
  if (file === undefined) return undefined
  if (file instanceof URL) return fileURLToPath(file)
  if (typeof file === 'string' && file !== '') return file
  throw unmet('file', 'the path of a .json, .yaml or .yml file', file)
}

async function readSource(file: string): Promise<object> {
  const [, kind] = /\.(json|ya?ml)$/i.exec(file) ?? []
  if (kind === undefined)
    throw new ConfigError(`${file}: the name of a configuration ends in .json, .yaml or .yml`, {
      source: file,
    })
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError(`${file}: cannot be read (${code})`, { source: file })
  }
  if (bytes.byteLength > mostBytes)
    throw new ConfigError(`${file}: a configuration has at most ${mostBytes} bytes`, {
      source: file,
    })
  const text = textOf(bytes, file)
  const parsed = kind.toLowerCase() === 'json' ? parseJson(text, file) : await parseYaml(text, file)
  const { $schema: _, ...config } = (await attempt(
    () => readObject(parsed ?? {}, 'the configuration'),
    file,
  )) as Record<string, unknown>
  return config
}

function textOf(bytes: Buffer, file: string): string {
  try {
    // It leaves a byte order mark out.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ConfigError(`${file}: is not in UTF-8`, { source: file })
  }
}

/** What is refused is refused in the name of the file, unless a variable or an argument said it. */
async function attempt<T>(run: () => T | Promise<T>, source: string | undefined): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof ConfigError) throw blame(error, source)
    if (error instanceof InvalidOptionError) throw blame(new ConfigError(error.message), source)
    throw error
  }
}

/** Of plain data: aliases of YAML become copies, so that changing one place changes no other. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyOf(item)]))
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}
