import { createSecureContext } from 'node:tls'
import { InvalidOptionError } from '@holdfast/core'
import { readDuration, readWhole, unmet } from '@holdfast/core/adapter'
import { type AddressPolicy, addressPolicy } from './address-policy.ts'
import { readBytes, readList, readObject, readOneOf } from './option-values.ts'
import type { GuardOptions, LimitOptions, NetworkOptions, OriginOptions } from './options.ts'
import { type HeaderSource, readHeaders } from './origin-headers.ts'
import { type OriginPattern, originPattern } from './origin-pattern.ts'

/** One entry of `origins`, read. */
export interface OriginEntry extends OriginPattern {
  /** As it was written. */
  readonly match: string
  readonly headers: HeaderSource | undefined
  /** Ports beside the scheme's own. */
  readonly ports: ReadonlySet<number>
  readonly concurrency: number
  /** `undefined`: what the origin says. */
  readonly ttlMs: number | undefined
}

export interface Limits {
  readonly bytes: number
  readonly pixels: number
  readonly side: number
  readonly redirects: number
  readonly deadlineMs: number
}

/** Guard options, read and frozen. */
export interface GuardSettings {
  readonly origins: readonly OriginEntry[]
  readonly limits: Limits
  /** `'http:'`, `'https:'`. */
  readonly schemes: ReadonlySet<string>
  /** Ports that are open beside those of the schemes. */
  readonly ports: { has(port: number): boolean }
  readonly ca: readonly string[] | undefined
  readonly admitsAddress: AddressPolicy
}

export const defaultConcurrency = 6

/**
 * 4 s, so that whatever an origin does, its answer or its refusal is there within 5; and more pixels than any screen
 * has, which still decode to less than 200 MB.
 */
export const defaultLimits: Limits = Object.freeze({
  bytes: 10_000_000,
  pixels: 40_000_000,
  side: 16_384,
  redirects: 3,
  deadlineMs: 4_000,
})

/**
 * `origins`, `limits` and `network`, validated and completed; other members are not looked at.
 * @throws InvalidOptionError naming the option's path
 */
export function readGuardSettings(options: GuardOptions): GuardSettings {
  const network = readNetwork(options.network ?? {})
  const origins = readList(options.origins, 'origins', readOrigin)
  origins.forEach((entry, place) => {
    if (entry.scheme === undefined || network.schemes.has(entry.scheme)) return
    throw new InvalidOptionError(
      `origins[${place}] begins with ${entry.scheme}//, which network.schemes does not admit; add '${entry.scheme.slice(0, -1)}' there, or change the entry`,
    )
  })
  return Object.freeze({ ...network, origins, limits: readLimits(options.limits ?? {}) })
}

function readOrigin(value: unknown, path: string): OriginEntry {
  const known = ['match', 'headers', 'ports', 'concurrency', 'ttl']
  const isText = typeof value === 'string'
  const given = (
    isText ? { match: value } : readObject(value, known, path)
  ) as Partial<OriginOptions>
  if (typeof given.match !== 'string') throw unmet(`${path}.match`, 'a string', given.match)
  const headers =
    given.headers === undefined ? undefined : readHeaders(given.headers, `${path}.headers`)
  if (given.match === '*' && headers !== undefined) {
    throw new InvalidOptionError(
      `${path}.headers must not be given to '*': they would be sent to every host; name the origin they are for`,
    )
  }
  return Object.freeze({
    ...originPattern(given.match, isText ? path : `${path}.match`),
    match: given.match,
    headers,
    ports: readPorts(given.ports ?? [], `${path}.ports`),
    concurrency: readWhole(1, 1_000)(
      given.concurrency ?? defaultConcurrency,
      `${path}.concurrency`,
    ),
    ttlMs: given.ttl === undefined ? undefined : readDuration(given.ttl, `${path}.ttl`),
  })
}

function readPorts(value: unknown, path: string): ReadonlySet<number> {
  return new Set(readList(value, path, readWhole(1, 65_535)))
}

function readLimits(value: LimitOptions): Limits {
  const known = ['bytes', 'pixels', 'side', 'redirects', 'deadline']
  const given = readObject(value, known, 'limits') as LimitOptions
  const most = Number.MAX_SAFE_INTEGER
  const { bytes, pixels, side, redirects, deadline } = given
  const limits = {
    bytes: readBytes(bytes ?? defaultLimits.bytes, 'limits.bytes'),
    pixels: readWhole(1, most)(pixels ?? defaultLimits.pixels, 'limits.pixels'),
    side: readWhole(1, most)(side ?? defaultLimits.side, 'limits.side'),
    redirects: readWhole(0, 20)(redirects ?? defaultLimits.redirects, 'limits.redirects'),
    deadlineMs: readDuration(deadline ?? defaultLimits.deadlineMs, 'limits.deadline'),
  }
  if (!(limits.deadlineMs > 0 && limits.deadlineMs < Number.POSITIVE_INFINITY))
    throw unmet('limits.deadline', 'longer than 0 and finite', limits.deadlineMs)
  return Object.freeze(limits)
}

function readNetwork(value: NetworkOptions): Omit<GuardSettings, 'origins' | 'limits'> {
  const known = ['schemes', 'ports', 'allowPrivate', 'ca']
  const given = readObject(value, known, 'network') as NetworkOptions
  const schemes = readList(given.schemes ?? ['https'], 'network.schemes', (scheme, path) =>
    readOneOf(scheme, path, ['http', 'https']),
  )
  if (schemes.length === 0) throw unmet('network.schemes', "a list with 'https' or 'http'", schemes)
  const allowed = readList(given.allowPrivate ?? [], 'network.allowPrivate', (block, path) => {
    if (typeof block === 'string') return block
    throw unmet(path, 'a string', block)
  })
  return {
    schemes: new Set(schemes.map((scheme) => `${scheme}:`)),
    ports: readPorts(given.ports ?? [], 'network.ports'),
    admitsAddress: addressPolicy(allowed, 'network.allowPrivate'),
    ca: given.ca === undefined ? undefined : readCertificates(given.ca),
  }
}

function readCertificates(ca: NonNullable<NetworkOptions['ca']>): readonly string[] {
  const list = (typeof ca === 'string' ? [ca] : ca) as unknown
  return readList(list, 'network.ca', (certificate, path) => {
    const expected = 'a certificate in PEM'
    if (typeof certificate !== 'string') throw unmet(path, expected, certificate)
    try {
      createSecureContext({ ca: certificate })
    } catch {
      throw unmet(path, expected, certificate)
    }
    if (!certificate.includes('-----BEGIN CERTIFICATE-----'))
      throw unmet(path, expected, certificate)
    return certificate
  })
}
