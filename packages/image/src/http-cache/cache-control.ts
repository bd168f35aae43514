import { type Fields, fieldNames, listMembers } from './fields.ts'
import { parseDictionary } from './structured-dictionary.ts'

/** 2^31 seconds: what a number too large for anybody stands for (RFC 9111, 1.2.2). */
const longestSeconds = 2_147_483_648

/**
 * The directives of one message. A span is in milliseconds; `'invalid'` is one that was written and cannot be read,
 * or was written twice with different values: not the same as none, since nothing may be fresh by it.
 */
export interface CacheControl {
  readonly maxAge: number | 'invalid' | undefined
  readonly sMaxage: number | 'invalid' | undefined
  readonly staleWhileRevalidate: number | 'invalid' | undefined
  readonly staleIfError: number | 'invalid' | undefined
  readonly minFresh: number | 'invalid' | undefined
  /** Infinite where the directive has no value. */
  readonly maxStale: number | 'invalid' | undefined
  readonly noStore: boolean
  /** Without field names. */
  readonly noCache: boolean
  /** The fields of `no-cache="…"`, lower case. */
  readonly noCacheFields: readonly string[]
  /** Without field names. */
  readonly isPrivate: boolean
  /** The fields of `private="…"`, lower case. */
  readonly privateFields: readonly string[]
  readonly isPublic: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly immutable: boolean
  readonly onlyIfCached: boolean
}

/** A directive's arguments as they were written: `true` = none. Several where it was written several times. */
type Directives = ReadonlyMap<string, readonly (string | true)[]>

/** Reads `Cache-Control` (RFC 9111, 5.2), of a request or of a response. Unknown directives are ignored. */
export function parseCacheControl(value: string | null | undefined): CacheControl {
  return interpret(value ? readDirectives(value) : new Map())
}

/**
 * The directives that hold for a response: of the first targeted field that is there and well-formed (RFC 9213),
 * else of `Cache-Control`. `targeted` tells which it was: a targeted field also puts `Expires` aside.
 */
export function responseCacheControl(
  response: Fields,
  targetedFields: readonly string[],
): { readonly control: CacheControl; readonly targeted: boolean } {
  for (const name of targetedFields) {
    const value = response.get(name)
    const directives = value ? readTargeted(value) : undefined
    if (directives) return { control: interpret(directives), targeted: true }
  }
  return { control: parseCacheControl(response.get('cache-control')), targeted: false }
}

function readDirectives(value: string): Directives {
  const directives = new Map<string, (string | true)[]>()
  for (const member of listMembers(value)) {
    const equals = member.indexOf('=')
    // Blanks around the `=` are no syntax; the name still tells what somebody meant, the value then cannot be read.
    const name = (equals < 0 ? member : member.slice(0, equals)).trimEnd().toLowerCase()
    const argument = equals < 0 ? true : unquote(member.slice(equals + 1))
    const mangled = equals >= 0 && /\s/.test(member.charAt(equals - 1))
    const given = directives.get(name)
    if (given) given.push(mangled ? '' : argument)
    else directives.set(name, [mangled ? '' : argument])
  }
  return directives
}

/** `undefined` where the field is not a dictionary, is empty, or gives a span that is no integer: it is then ignored. */
function readTargeted(value: string): Directives | undefined {
  const dictionary = parseDictionary(value)
  if (dictionary === undefined || dictionary.size === 0) return undefined
  const directives = new Map<string, (string | true)[]>()
  for (const [name, item] of dictionary) {
    if (spanNames.has(name) && item.type !== 'integer') return undefined
    if (item.type === 'boolean' && item.value === false) continue
    directives.set(name, [item.type === 'boolean' ? true : String(item.value)])
  }
  return directives
}

const spanNames = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'])

function unquote(argument: string): string {
  if (argument.length < 2 || !argument.startsWith('"') || !argument.endsWith('"')) return argument
  return argument.slice(1, -1).replace(/\\(.)/g, '$1')
}

function interpret(directives: Directives): CacheControl {
  const isBare = (name: string) =>
    directives.get(name)?.some((argument) => argument === true) ?? false
  const isThere = (name: string) => directives.has(name)
  const maxStale = directives.get('max-stale')
  return {
    maxAge: span(directives.get('max-age')),
    sMaxage: span(directives.get('s-maxage')),
    staleWhileRevalidate: span(directives.get('stale-while-revalidate')),
    staleIfError: span(directives.get('stale-if-error')),
    minFresh: span(directives.get('min-fresh')),
    maxStale: maxStale?.every((argument) => argument === true)
      ? Number.POSITIVE_INFINITY
      : span(maxStale),
    noStore: isThere('no-store'),
    noCache: isBare('no-cache') || namesNothing(directives.get('no-cache')),
    noCacheFields: namedFields(directives.get('no-cache')),
    isPrivate: isBare('private') || namesNothing(directives.get('private')),
    privateFields: namedFields(directives.get('private')),
    isPublic: isThere('public'),
    mustRevalidate: isThere('must-revalidate'),
    proxyRevalidate: isThere('proxy-revalidate'),
    mustUnderstand: isThere('must-understand'),
    immutable: isThere('immutable'),
    onlyIfCached: isThere('only-if-cached'),
  }
}

function span(given: readonly (string | true)[] | undefined): number | 'invalid' | undefined {
  const first = given?.[0]
  if (given === undefined || first === undefined) return undefined
  if (first === true || !/^\d+$/.test(first)) return 'invalid'
  if (given.some((argument) => argument !== first)) return 'invalid'
  return Math.min(Number(first), longestSeconds) * 1_000
}

/** An argument with no name in it, as `no-cache=""`: the stricter meaning, all fields. */
function namesNothing(given: readonly (string | true)[] | undefined): boolean {
  return given?.some((argument) => argument !== true && fieldNames(argument).length === 0) ?? false
}

function namedFields(given: readonly (string | true)[] | undefined): readonly string[] {
  return (given ?? []).flatMap((argument) => (argument === true ? [] : fieldNames(argument)))
}
