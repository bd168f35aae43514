import { createHash } from 'node:crypto'
import type { Scope } from '../invalidation/scope.ts'

/**
 * Where things stand in a store:
 *
 *     api:products:7            key 'products:7' of a cache with the namespace 'api'
 *     api:/eu/products:7        the same key in its namespace 'eu'
 *     api://status              key '/status' of the cache itself
 *     api:/%n   api:/%e         version of the namespace, and its tag epoch
 *     api:/%t/user              version of the tag 'user'
 *     api:/%r/products:7        claim on a refresh of 'products:7'
 *     /%h/<digest>              any of these that is longer than the store takes
 *
 * A namespace is percent-encoded (RFC 3986), so it holds neither ':' nor '/', and a '%' in it is followed by two
 * hexadecimal digits, which `%n`, `%e/`, `%t` and `%r` are not. A key that begins with '/' gets another one in front.
 * So no key of one place is a key of another, and a cache 'a:b' is no part of a cache 'a'.
 */
export function storeKey(scope: Scope, key: string): string {
  return prefixOf(scope) + (key.charCodeAt(0) === slash ? `/${key}` : key)
}

/** What stands behind the prefix of a cache's own keys; `undefined` for a key that is none of its. */
export function keyWithin(scope: Scope, key: string): string | undefined {
  const prefix = prefixOf(scope)
  return key.startsWith(prefix) ? key.slice(prefix.length) : undefined
}

export function namespaceVersionKey(scope: Scope): string {
  return `${prefixOf(scope)}/%n`
}

export function tagEpochKey(scope: Scope): string {
  return `${prefixOf(scope)}/%e`
}

export function tagVersionKey(scope: Scope, tag: string): string {
  return `${prefixOf(scope)}/%t/${tag}`
}

export function refreshClaimKey(scope: Scope, key: string): string {
  return `${prefixOf(scope)}/%r/${key}`
}

/**
 * The key as it is, or its SHA-256 where the store would not take it: the full key stands in the envelope and is
 * compared on read, so that even a collision would be a miss.
 */
export function fittingKey(key: string, maxBytes: number): string {
  if (Buffer.byteLength(key) <= maxBytes) return key
  return `/%h/${createHash('sha256').update(key).digest('base64url')}`
}

/** The way of a scope from the outermost cache: how the bus names it. */
export function pathOf(scope: Scope): readonly string[] {
  return scope.parent === undefined ? [] : [...pathOf(scope.parent), scope.name]
}

const slash = '/'.charCodeAt(0)

const prefixes = new WeakMap<Scope, string>()

function prefixOf(scope: Scope): string {
  let prefix = prefixes.get(scope)
  if (prefix === undefined) {
    const name = encodeURIComponent(scope.name)
    if (scope.parent !== undefined) prefix = `${prefixOf(scope.parent)}/${name}/`
    else prefix = name === '' ? '' : `${name}:`
    prefixes.set(scope, prefix)
  }
  return prefix
}
