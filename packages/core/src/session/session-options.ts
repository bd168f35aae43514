import { createSecretKey, type KeyObject } from 'node:crypto'
import { type Clock, systemClock } from '../clock.ts'
import { InvalidOptionError, UnsupportedError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { describeKind, unmet } from '../options/expectation.ts'
import { readStore } from '../options/far-settings.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { type OptionTable, readOptions } from '../options/option-table.ts'
import {
  type Reader,
  readBoolean,
  readCount,
  reader,
  readObject,
  readOneOf,
} from '../options/readers.ts'
import type { Store } from '../store/store.ts'
import { cookieNames, refuseNamesElsewhere, sessionNames } from './names-elsewhere.ts'
import type { CookieSettings } from './set-cookie.ts'

export interface SessionCookieOptions {
  /**
   * Default `'__Host-session'`; `'__Secure-session'` with a `domain` or a `path`, `'session'` where `secure` is false.
   * Another name is taken as it is.
   */
  readonly name?: string | undefined
  /** Sent over HTTPS alone. Default true; browsers take http://localhost for it, too. */
  readonly secure?: boolean | undefined
  /** Default `'lax'`. */
  readonly sameSite?: 'lax' | 'strict' | 'none' | undefined
  /** Default: the host that answers, and no other. */
  readonly domain?: string | undefined
  /** Default `'/'`. */
  readonly path?: string | undefined
}

export interface SessionOptions {
  /** Where sessions live. It needs `add` and `replace`. */
  readonly store: Store
  /** What cookies are signed with: the first signs, all verify, so that a new one can be put in front. */
  readonly secrets: readonly string[]
  /** How long a session lives after it began, whatever happens. Default `'7d'`. */
  readonly ttl?: Duration | undefined
  /** How long a session lives after its last request. Default: as long as `ttl` lets it. */
  readonly idleTimeout?: Duration | undefined
  readonly cookie?: SessionCookieOptions | undefined
  /** What the keys of sessions begin with. Default `'session:'`. */
  readonly prefix?: string | undefined
  /** Keeps `ip` and `user_agent` of the last request that changed a session; wants `trustProxy` to be said. Default false. */
  readonly record?: boolean | undefined
  /** Whose word on the client's address counts: `false` the connection's, a number the last so many proxies', `true` everybody's. */
  readonly trustProxy?: boolean | number | undefined
  /** The member that names the user, for `list` and `destroyAll`. Default `'user_id'`. */
  readonly userField?: string | undefined
  /** Sessions of one user; one more ends the oldest. Default 1,000. */
  readonly sessionsPerUser?: number | undefined
  /** How long a request waits for a store that does not answer before it gets its 503; at most 30 s. Default `'1.5s'`. */
  readonly retryFor?: Duration | undefined
  /** So many operations at most wait for such a store. Default 1,000. */
  readonly maxWaiting?: number | undefined
  /** Takes a store that drops entries for room, as Memcached does, and logs users out with them. Default false. */
  readonly allowEviction?: boolean | undefined
  /** Source of time and chance. Default: the machine's. */
  readonly clock?: Clock | undefined
}

export interface SessionSettings {
  readonly store: Store
  readonly secrets: readonly KeyObject[]
  readonly ttlMs: number
  /** `Infinity` where only `ttlMs` ends a session. */
  readonly idleMs: number
  readonly cookie: CookieSettings
  readonly prefix: string
  readonly record: boolean
  readonly trustProxy: boolean | number
  readonly userField: string
  readonly sessionsPerUser: number
  readonly retryForMs: number
  readonly maxWaiting: number
  readonly allowEviction: boolean
  readonly clock: Clock
}

const shortSecret = 32
const longestRetryMs = 30_000

const readSpan: Reader<number> = (value, option) => {
  const ms = parseDuration(value, option)
  if (ms === 0) throw unmet(option, 'above 0', value)
  return ms
}

export const readRetry: Reader<number> = (value, option) => {
  const ms = parseDuration(value, option)
  if (ms > longestRetryMs) throw unmet(option, 'at most 30 s, as somebody waits for it', value)
  return ms
}

export const readPrefix = reader<string>(
  'a well-formed string of at most 256 characters without spaces or control characters',
  (value) =>
    typeof value === 'string' && /^[^\s\p{C}]{0,256}$/u.test(value) && value.isWellFormed(),
)

const readField = reader<string>(
  'the name of a member',
  (value) =>
    typeof value === 'string' && value !== '' && value.length <= 256 && !reserved.has(value),
)

const readTrust = reader<boolean | number>(
  'true, false or how many proxies stand in front',
  (value) => typeof value === 'boolean' || (Number.isSafeInteger(value) && (value as number) >= 0),
)

const readClock = reader<Clock>(
  'a clock',
  (value) => typeof (value as Clock | null)?.monotonic === 'function',
)

/** A token of RFC 9110, 5.6.2: what a cookie's name may be. */
const readCookieName = reader<string>(
  "a name of letters, digits and the signs !#$%&'*+-.^_`|~ (RFC 6265), at most 128",
  (value) => typeof value === 'string' && /^[!#$%&'*+.^_`|~\w-]{1,128}$/.test(value),
)

const readAttribute = reader<string>(
  'a string without semicolons, spaces and control characters',
  (value) => typeof value === 'string' && /^[\x21-\x3a\x3c-\x7e]{1,1024}$/.test(value),
)

/** Browsers put their own path in place of one that begins otherwise (RFC 6265, 5.2.4). */
const readPath = reader<string>(
  "a path that begins with '/', without semicolons, spaces and control characters",
  (value) => typeof value === 'string' && /^\/[\x21-\x3a\x3c-\x7e]{0,1023}$/.test(value),
)

const readSecrets: Reader<readonly KeyObject[]> = (value, option) => {
  if (!Array.isArray(value) || value.length === 0)
    throw unmet(option, 'an array of at least one string', value)
  return value.map((secret: unknown, index) => {
    if (typeof secret !== 'string' || secret === '')
      throw unmet(`${option}[${index}]`, 'a non-empty string', secret, describeKind(secret))
    if (secret.length < shortSecret) {
      process.emitWarning(
        `${option}[${index}] of createSessions is shorter than ${shortSecret} characters, so that it may be guessed; take one of randomBytes(32).toString('base64')`,
        { type: 'HoldfastWarning', code: 'HOLDFAST_SHORT_SECRET' },
      )
    }
    return createSecretKey(secret, 'utf8')
  })
}

interface CookieParts extends Omit<CookieSettings, 'name'> {
  readonly name: string | undefined
}

const cookieTable: OptionTable<SessionCookieOptions, CookieParts> = {
  name: ['name', readCookieName],
  secure: ['secure', readBoolean],
  sameSite: ['sameSite', readOneOf('lax', 'strict', 'none')],
  domain: ['domain', readAttribute],
  path: ['path', readPath],
}

const cookieDefaults: CookieParts = {
  name: undefined,
  secure: true,
  sameSite: 'lax',
  domain: undefined,
  path: '/',
}

const readCookie: Reader<CookieSettings> = (value, option) => {
  refuseNamesElsewhere(value, cookieNames, option)
  const parts = readOptions(cookieDefaults, value, cookieTable, option, `${option}.`)
  const { secure, sameSite, domain, path } = parts
  const isHostOnly = domain === undefined && path === '/'
  const name =
    parts.name ?? (secure ? (isHostOnly ? '__Host-session' : '__Secure-session') : 'session')
  if (/^__(Host|Secure)-/i.test(name) && !secure)
    throw new InvalidOptionError(
      `${option}.name begins with a prefix that browsers take over HTTPS alone; leave secure true, or choose another name`,
    )
  if (/^__Host-/i.test(name) && !isHostOnly)
    throw new InvalidOptionError(
      `${option}.name begins with __Host-, with which browsers allow neither a domain nor another path than '/'; leave them out, or choose another name`,
    )
  if (sameSite === 'none' && !secure)
    throw new InvalidOptionError(
      `${option}.sameSite 'none' is taken over HTTPS alone; leave secure true, or choose 'lax'`,
    )
  return Object.freeze({ name, secure, sameSite, domain, path })
}

/** What `readOptions` fills in where nothing is given. */
interface Parts extends Omit<SessionSettings, 'store' | 'secrets' | 'trustProxy'> {
  readonly store: Store | undefined
  readonly secrets: readonly KeyObject[] | undefined
  readonly trustProxy: boolean | number | undefined
}

const table: OptionTable<SessionOptions, Parts> = {
  store: ['store', readStore],
  secrets: ['secrets', readSecrets],
  ttl: ['ttlMs', readSpan],
  idleTimeout: ['idleMs', readSpan],
  cookie: ['cookie', readCookie],
  prefix: ['prefix', readPrefix],
  record: ['record', readBoolean],
  trustProxy: ['trustProxy', readTrust],
  userField: ['userField', readField],
  sessionsPerUser: ['sessionsPerUser', readCount(1)],
  retryFor: ['retryForMs', readRetry],
  maxWaiting: ['maxWaiting', readCount(0)],
  allowEviction: ['allowEviction', readBoolean],
  clock: ['clock', readClock],
}

export const week = 7 * 24 * 60 * 60 * 1_000

/** @throws InvalidOptionError, and UnsupportedError for a store that cannot compare and set. */
export function resolveSessionOptions(options: SessionOptions): SessionSettings {
  const given = readObject(options, 'createSessions') as SessionOptions
  refuseNamesElsewhere(given, sessionNames, 'createSessions')
  refuseUnknownNames(given, Object.keys(table), 'createSessions')
  const defaults: Parts = {
    store: undefined,
    secrets: undefined,
    ttlMs: week,
    idleMs: Infinity,
    cookie: readCookie({}, 'cookie'),
    prefix: 'session:',
    record: false,
    trustProxy: undefined,
    userField: 'user_id',
    sessionsPerUser: 1_000,
    retryForMs: 1_500,
    maxWaiting: 1_000,
    allowEviction: false,
    clock: systemClock,
  }
  const parts = readOptions(defaults, given, table, 'createSessions')
  const store = parts.store ?? readStore(given.store, 'store')
  const secrets = parts.secrets ?? readSecrets(given.secrets, 'secrets')
  if (parts.record && parts.trustProxy === undefined)
    throw new InvalidOptionError(
      'record keeps addresses of clients, so trustProxy must say whose word on them counts: false for the connection, or how many proxies stand in front',
    )
  checkSessionStore(store, 'createSessions', parts.allowEviction)
  return Object.freeze({ ...parts, store, secrets, trustProxy: parts.trustProxy ?? false })
}

/**
 * What sessions need of a store. An engine that counts in whole seconds and evicts is Memcached or like it: room is
 * made there by dropping whoever was idle longest, whatever its settings. Redis says `evicts`, too, since it may be
 * set up so; with `maxmemory-policy noeviction`, as sessions want it, it refuses writes instead.
 * @throws UnsupportedError, InvalidOptionError
 */
export function checkSessionStore(store: Store, where: string, allowEviction: boolean): void {
  if (store.add === undefined || store.replace === undefined)
    throw new UnsupportedError(
      `${where} needs a store with add and replace, so that no change of a session is lost and none comes back; '${store.name}' has not both`,
    )
  const { evicts, ttlGranularityMs } = store.capabilities
  if (evicts !== true || ttlGranularityMs < 1_000) return
  if (!allowEviction)
    throw new InvalidOptionError(
      `the store '${store.name}' drops entries for room and would log users out; keep sessions in Redis or Valkey, or set allowEviction: true`,
    )
  process.emitWarning(
    `the store '${store.name}' holds sessions and drops entries for room: users will be logged out when it is full`,
    { type: 'HoldfastWarning', code: 'HOLDFAST_SESSIONS_EVICTED' },
  )
}

/** Members that are written by this library. */
export const reserved: ReadonlySet<string> = new Set(['version', 'created_at', 'last_activity'])
/** These, too, where addresses are recorded. */
export const recorded: ReadonlySet<string> = new Set(['ip', 'user_agent'])
