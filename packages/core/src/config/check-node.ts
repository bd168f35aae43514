import { InvalidOptionError } from '../errors.ts'
import { unmet } from '../options/expectation.ts'
import { refuseUnknownName } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import { ConfigError } from './config-error.ts'
import type { LeafNode, Node, ObjectNode } from './node.ts'
import { readSecret, Secret, type SecretPlaces } from './secret.ts'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/**
 * A copy of `value` in which secrets are `Secret`, if it is what `node` says; members that are `undefined` are left
 * out. Cross-checks, such as of names that are referred to, come later.
 * @throws ConfigError with the path, what was expected, what came by its kind, and the nearest known name.
 */
export function checkNode(node: Node, value: unknown, path: string, places: SecretPlaces): unknown {
  return attemptAt(path, () => checked(node, value, path, places))
}

/** Runs what refuses by `InvalidOptionError`. @throws ConfigError with the path */
export function attemptAt<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof ConfigError || !(error instanceof InvalidOptionError)) throw error
    throw new ConfigError(error.message, { path })
  }
}

function checked(node: Node, value: unknown, path: string, places: SecretPlaces): unknown {
  switch (node.kind) {
    case 'leaf':
      return node.read(value, path)
    case 'secret':
      return readSecret(value, path, places)
    case 'reference':
      if (typeof value === 'string' && value !== '') return value
      throw unmet(path, `the name of one of ${node.to}`, value)
    case 'list':
      if (!Array.isArray(value)) throw unmet(path, 'a list', value)
      return value.map((item, index) => checkNode(node.of, item, `${path}[${index}]`, places))
    case 'either': {
      const fitting = node.of.find((each) => takes(each, value))
      if (fitting === undefined) throw unmet(path, node.expected, value)
      return checked(fitting, value, path, places)
    }
    case 'map': {
      const copy: Record<string, unknown> = {}
      for (const [name, item] of membersOf(value, path)) {
        if (node.keys === 'name') checkName(name, path)
        if (name === '__proto__') throw unusable(name, path)
        copy[name] = checkNode(node.of, item, memberPath(path, name, node.keys), places)
      }
      return copy
    }
    case 'object':
      return checkObject(node, value, path, places)
  }
}

function checkObject(node: ObjectNode, value: unknown, path: string, places: SecretPlaces) {
  const where = path === '' ? 'the configuration' : path
  const given = membersOf(value, where)
  for (const [name] of given)
    if (!Object.hasOwn(node.shape, name))
      attemptAt(memberPath(path, name.slice(0, 40)), () =>
        refuseUnknownName(name, Object.keys(node.shape), `${where} has no option`),
      )
  const copy: Record<string, unknown> = {}
  for (const [name, item] of given)
    copy[name] = checkNode(node.shape[name]!, item, memberPath(path, name), places)
  for (const name of node.required)
    if (copy[name] === undefined)
      throw new ConfigError(`${memberPath(path, name)} is missing`, {
        path: memberPath(path, name),
      })
  if (node.oneOf.length > 0) {
    const there = node.oneOf.filter((name) => copy[name] !== undefined)
    if (there.length !== 1)
      throw new ConfigError(
        `${where} must have exactly one of ${node.oneOf.join(', ')}; it has ${there.join(' and ') || 'none'}`,
        { path },
      )
  }
  return copy
}

/** In YAML a name with nothing behind it is null: an object of which everything is left to its default. */
function membersOf(value: unknown, where: string): [string, unknown][] {
  return Object.entries(readObject(value ?? {}, where)).filter(([, item]) => item !== undefined)
}

/** @throws ConfigError */
function checkName(name: string, path: string): void {
  if (!namePattern.test(name) || name in {}) throw unusable(name, path)
}

function unusable(name: string, path: string): ConfigError {
  return new ConfigError(
    `${path} has the name '${name.slice(0, 40)}'; names have 1 to 64 letters, digits, '-' and '_', and are none of Object.prototype's`,
    { path },
  )
}

export function memberPath(path: string, name: string, keys: 'name' | 'pattern' = 'name'): string {
  if (keys === 'pattern') return `${path}['${name.slice(0, 60)}']`
  return path === '' ? name : `${path}.${name}`
}

/** By type alone: what is wrong inside is said by the node that is meant. */
function takes(node: Node, value: unknown): boolean {
  switch (node.kind) {
    case 'leaf':
      return takesType(node, value)
    case 'list':
      return Array.isArray(value)
    case 'map':
    case 'object':
      return (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        !(value instanceof Secret)
      )
    case 'either':
      return node.of.some((each) => takes(each, value))
    default:
      return typeof value === 'string' || typeof value === 'function' || value instanceof Secret
  }
}

function takesType({ json }: LeafNode, value: unknown): boolean {
  if ('const' in json) return value === json.const
  if ('enum' in json) return typeof value === 'string'
  const types = ((json.anyOf as { type?: unknown }[] | undefined) ?? [json]).map(({ type }) => type)
  return types.some(
    (type) => type === typeof value || (type === 'integer' && typeof value === 'number'),
  )
}
