import { InvalidOptionError } from '../errors.ts'
import { unmet } from '../options/expectation.ts'
import { refuseUnknownName } from '../options/known-names.ts'
import { checkNode, memberPath } from './check-node.ts'
import { ConfigError } from './config-error.ts'
import { configNode } from './config-node.ts'
import type { Node } from './node.ts'
import { parseJson } from './parse-json.ts'
import type { SecretPlaces } from './secret.ts'

/** One variable or argument: where it points, and its text. */
interface Override {
  /** The variable or the argument, for messages. */
  readonly source: string
  readonly parts: readonly string[]
  readonly text: string
  readonly isVariable: boolean
}

const prefix = 'HOLDFAST_'
/** The variable that names the file. */
export const fileVariable = 'HOLDFAST_CONFIG'
/** What Kubernetes sets in every pod for a service that is called `holdfast`. */
const ofKubernetes = /^HOLDFAST_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_\w+)?)$/

/** `HOLDFAST_CACHES__API__DEFAULTS__TTL=30s`: the path in capitals, its parts between two underscores. */
export function environmentOverrides(env: SecretPlaces['env']): Override[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && name !== fileVariable && !ofKubernetes.test(name))
    .sort()
    .flatMap((source) => {
      const text = env[source]
      const parts = source.slice(prefix.length).split('__')
      return text === undefined ? [] : [{ source, parts, text, isVariable: true }]
    })
}

/** `--caches.api.defaults.ttl=30s`, the value also as the next argument; a flag alone is true. */
export function argumentOverrides(args: readonly string[]): Override[] {
  const overrides: Override[] = []
  for (let index = 0; index < args.length; index++) {
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(args[index]!) ?? []
    if (name === undefined)
      throw new ConfigError(
        `argument ${index + 1} must be --path=value, such as --caches.api.defaults.ttl=30s`,
        { source: `argument ${index + 1}` },
      )
    const next = args[index + 1]
    const takesNext = value === undefined && next !== undefined && !next.startsWith('--')
    if (takesNext) index++
    overrides.push({
      source: `--${name}`,
      parts: name.split('.'),
      text: value ?? (takesNext ? next : 'true'),
      isVariable: false,
    })
  }
  return overrides
}

/**
 * Sets in `config` what one variable or argument says.
 * @throws ConfigError naming it, and never its value.
 */
export function applyOverride(config: object, override: Override, places: SecretPlaces): void {
  const { source } = override
  try {
    descend(configNode, config as Record<string, unknown>, '', 0, override, places)
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error
    const path = error instanceof ConfigError ? error.path : ''
    throw new ConfigError(`${source}: ${error.message}`, { path, source })
  }
}

type Holder = Record<string, unknown> | unknown[]

function descend(
  node: Node,
  holder: Holder,
  path: string,
  depth: number,
  override: Override,
  places: SecretPlaces,
): void {
  const part = override.parts[depth]!
  const { name, of, at } = step(node, holder, path, part, override.isVariable)
  const members = holder as Record<string, unknown>
  if (depth === override.parts.length - 1) {
    const value = written(of, override, at)
    checkNode(of, value, at, places)
    members[name] = value
    return
  }
  const inner = containerOf(of)
  if (inner === undefined) throw new ConfigError(`${at} has nothing inside`, { path: at })
  const there = members[name]
  if (there !== undefined && there !== null && typeof there !== 'object' && of.kind !== 'either')
    throw unmet(at, 'an object', there)
  if (typeof there !== 'object' || there === null) members[name] = inner.kind === 'list' ? [] : {}
  descend(inner, members[name] as Holder, at, depth + 1, override, places)
}

/** Which member a part of the path means. */
function step(node: Node, holder: Holder, path: string, part: string, isVariable: boolean) {
  const where = path === '' ? 'the configuration' : path
  if (node.kind === 'list') {
    const length = (holder as unknown[]).length
    const index = Number(part)
    if (/^\d{1,6}$/.test(part) && index <= length)
      return { name: part, of: node.of, at: `${path}[${index}]` }
    throw new ConfigError(`${where} is a list of ${length}; give an index from 0 to ${length}`, {
      path,
    })
  }
  const known = node.kind === 'object' ? Object.keys(node.shape) : Object.keys(holder)
  const meant = isVariable
    ? known.filter((name) => plain(name) === plain(part))
    : known.filter((name) => name === part)
  if (meant.length > 1)
    throw new ConfigError(
      `${where} has ${meant.join(' and ')}, which a variable cannot tell apart`,
      {
        path,
      },
    )
  let [name] = meant
  if (name === undefined) {
    // What a file names, nobody adds to by a slip of the pen; without such a file a name is new.
    if (node.kind === 'object' || known.length > 0)
      refuseUnknownName(isVariable ? part.toLowerCase() : part, known, `${where} has no option`)
    name = isVariable ? part.toLowerCase() : part
  }
  const of = node.kind === 'object' ? node.shape[name]! : (node as { readonly of: Node }).of
  return { name, of, at: memberPath(path, name) }
}

const plain = (name: string) => name.replace(/[_-]/g, '').toLowerCase()

function containerOf(node: Node): Node | undefined {
  if (node.kind === 'either') return node.of.map(containerOf).find((each) => each !== undefined)
  const isContainer =
    node.kind === 'object' || node.kind === 'list' || (node.kind === 'map' && node.keys === 'name')
  return isContainer ? node : undefined
}

/** What a text stands for at such a place: JSON where there is more than one thing, else the thing itself. */
function written(node: Node, { text, source, isVariable }: Override, path: string): unknown {
  switch (node.kind) {
    case 'secret':
      if (/^(?:env|file):/.test(text)) return text
      // The environment is a place for secrets: what stands there is referred to, not copied.
      if (isVariable) return `env:${source}`
      throw new ConfigError(
        `${path} is a secret, and arguments are read by every user of the machine; give env:NAME or file:/path`,
        { path },
      )
    case 'list':
    case 'map':
    case 'object':
      return parseJson(text, source)
    case 'leaf':
      return scalar(text)
    case 'either':
      return /^\s*[[{]/.test(text) ? parseJson(text, source) : scalar(text)
    default:
      return text
  }

  function scalar(given: string): unknown {
    if (node.kind === 'leaf' && node.json.type === 'string') return given
    if (given === 'true' || given === 'false') return given === 'true'
    return /^-?\d+(?:\.\d+)?$/.test(given) ? Number(given) : given
  }
}
