import { isIP } from 'node:net'
import { InvalidOptionError } from '@holdfast/core'

type Kind = readonly [expected: string, fits: (value: unknown) => boolean]

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isFunction = (value: unknown) => typeof value === 'function'
const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown) =>
    values.includes(value)

/** A URL or `host:port` would be looked up as a name. */
const isHost = (value: unknown) =>
  typeof value === 'string' &&
  (isIP(value.replace(/^\[(.*)\]$/, '$1')) !== 0 || /^[^\s:/@]+$/.test(value))

/** Of the options that are handed to ioredis those that it takes unseen, and would fail with at every connect. */
const kinds: Readonly<Record<string, Kind>> = {
  host: ['a host name or an IP address, with the port in port', isHost],
  path: ['the path of a unix socket', isText],
  username: ['a string', (value) => typeof value === 'string'],
  password: [
    'a string, or a function that gives one',
    (value) => typeof value === 'string' || isFunction(value),
  ],
  db: ['a whole number from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0],
  family: ['4, 6 or 0 for both', oneOf(0, 4, 6)],
  protocol: ['2 or 3', oneOf(2, 3)],
  insecure: ['true or false', (value) => typeof value === 'boolean'],
  storeName: ['a non-empty string', isText],
  sentinelUsername: ['a string', (value) => typeof value === 'string'],
  sentinelPassword: ['a string', (value) => typeof value === 'string'],
}

const tlsKind: Kind = [
  "true, an object of Node's TLS options, or a function that gives such an object",
  (value) => value === true || isObject(value) || isFunction(value),
]

/**
 * Refuses an option of the wrong kind. What ioredis calls `null` is not given; for `tls` it might as well mean that
 * bytes shall go in clear, and is refused.
 * @throws {InvalidOptionError} that tells the kind of what came, and not the value, which may be a secret.
 */
export function refuseWrongKinds(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const isTls = name === 'tls' || name === 'sentinelTLS'
    const kind = isTls ? tlsKind : Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined || (value === null && !isTls) || kind[1](value)) continue
    throw unmet(name, kind[0], value)
  }
}

function unmet(option: string, expected: string, value: unknown): InvalidOptionError {
  // A password may well be a number, by mistake.
  const isSecret = /password/i.test(option)
  const isTellable = !isSecret && (typeof value === 'number' || typeof value === 'boolean')
  const came = isTellable
    ? String(value)
    : value === ''
      ? 'empty'
      : `of type ${value === null ? 'null' : typeof value}`
  return new InvalidOptionError(`${option} must be ${expected}; it was ${came}`)
}
