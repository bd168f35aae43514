import { nearestName } from '../../options/known-names.ts'
import { type TwemproxyHash, twemproxyHashes } from '../hashes/named-hashes.ts'
import { listenProblem, readInt, readServer, type ServerAddress, wrapsAround } from './address.ts'
import type { NutcrackerPool } from './pool.ts'
import { type Mark, refuse } from './yaml-cursor.ts'
import type { YamlScalar } from './yaml-tree.ts'

export interface Server extends ServerAddress {
  readonly mark: Mark
}

/** A pool while it is read: what has been set so far, and where. */
export interface PoolDraft {
  readonly name: string
  readonly mark: Mark
  readonly marks: Map<string, Mark>
  readonly values: Partial<Settings>
  readonly servers: Server[]
  /** Numbers that nutcracker reads as others than written. */
  readonly wrapped: { directive: string; value: number; mark: Mark }[]
}

type Settings = Omit<
  { -readonly [name in keyof NutcrackerPool]: NutcrackerPool[name] },
  'name' | 'compat' | 'servers'
>
type SettingsOf<T> = {
  [name in keyof Settings]-?: NonNullable<Settings[name]> extends T ? name : never
}[keyof Settings]

type Directive = (draft: PoolDraft, value: YamlScalar, directive: string) => void

const hashNames = Object.keys(twemproxyHashes) as TwemproxyHash[]
const distributions = ['ketama', 'modula', 'random'] as const

/** Every key a pool can have, by the name nutcracker 0.5 knows. */
const directives: Readonly<Record<string, Directive>> = {
  listen: (draft, { text, mark }) => {
    const problem = listenProblem(text)
    if (problem !== undefined) refuse(mark, problem)
    draft.values.listen = text
  },
  hash: (draft, { text, mark }) => {
    draft.values.hash = oneOf('hash', hashNames, text, mark)
  },
  hash_tag: (draft, { text, mark }) => {
    if (new TextEncoder().encode(text).length !== 2) {
      refuse(
        mark,
        'hash_tag must be exactly two bytes: the opening and the closing one, such as "{}"',
      )
    }
    draft.values.hashTag = text
  },
  distribution: (draft, { text, mark }) => {
    draft.values.distribution = oneOf('distribution', distributions, text, mark)
  },
  timeout: number('timeout'),
  backlog: number('backlog'),
  client_connections: number('clientConnections'),
  redis: boolean('redis'),
  tcpkeepalive: boolean('tcpkeepalive'),
  redis_auth: (draft, { text }) => {
    draft.values.redisAuth = text
  },
  redis_db: number('redisDb'),
  preconnect: boolean('preconnect'),
  auto_eject_hosts: boolean('autoEjectHosts'),
  server_connections: number('serverConnections'),
  server_retry_timeout: number('serverRetryTimeout'),
  server_failure_limit: number('serverFailureLimit'),
  servers: (draft, { text, mark }) => {
    const server = readServer(text)
    if (typeof server === 'string') refuse(mark, server)
    draft.servers.push({ ...server, mark })
  },
}

/**
 * Applies one `key: value` of a pool, or one entry of a list under the key.
 * @throws InvalidOptionError with line and column.
 */
export function applyDirective(draft: PoolDraft, key: YamlScalar, value: YamlScalar): void {
  const directive = Object.hasOwn(directives, key.text) ? directives[key.text] : undefined
  if (directive === undefined) {
    const nearest = nearestName(key.text, Object.keys(directives))
    refuse(
      key.mark,
      key.text === 'reuseport'
        ? "'reuseport' is unknown to nutcracker 0.5; it came later"
        : `'${key.text.slice(0, 40)}' is unknown${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`,
    )
  }
  const earlier = draft.marks.get(key.text)
  if (earlier !== undefined && key.text !== 'servers') {
    refuse(
      key.mark,
      `'${key.text}' is set twice in pool '${draft.name}', first in line ${earlier.line}`,
    )
  }
  if (value.text === '') refuse(value.mark, `'${key.text}' has no value`)
  draft.marks.set(key.text, key.mark)
  directive(draft, value, key.text)
}

function number(setting: SettingsOf<number>): Directive {
  return (draft, { text, mark }, directive) => {
    const value = readInt(text)
    if (value === undefined) {
      refuse(mark, `'${directive}' must be a whole number, in digits without sign or unit`)
    }
    draft.values[setting] = value
    if (wrapsAround(text)) draft.wrapped.push({ directive, value, mark })
  }
}

function boolean(setting: SettingsOf<boolean>): Directive {
  return (draft, { text, mark }, directive) => {
    if (text !== 'true' && text !== 'false') {
      refuse(mark, `'${directive}' must be true or false, written so, in lower case`)
    }
    draft.values[setting] = text === 'true'
  }
}

function oneOf<T extends string>(
  directive: string,
  known: readonly T[],
  text: string,
  mark: Mark,
): T {
  const match = known.find((name) => name === text)
  if (match !== undefined) return match
  const nearest = nearestName(text, known)
  return refuse(
    mark,
    `'${directive}' must be one of ${known.join(', ')}${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`,
  )
}
