import { createHash, createHmac } from 'node:crypto'
import type { OriginEntry } from '../network/settings.ts'
import type { KeySettings } from './image-settings.ts'

/** Query parameters that presigned URLs carry their signature in, lower case. What chooses the answer stays. */
const signatureParameters: Readonly<
  Record<
    NonNullable<KeySettings['preset']>,
    (names: ReadonlySet<string>) => (name: string) => boolean
  >
> = {
  s3: (names) => {
    const isOlder = ['awsaccesskeyid', 'signature', 'expires'].every((name) => names.has(name))
    return (name) =>
      name.startsWith('x-amz-') ||
      (isOlder && ['awsaccesskeyid', 'signature', 'expires'].includes(name))
  },
  gcs: (names) => {
    const isOlder = ['googleaccessid', 'signature', 'expires'].every((name) => names.has(name))
    return (name) =>
      name.startsWith('x-goog-') ||
      (isOlder && ['googleaccessid', 'signature', 'expires'].includes(name))
  },
  azure: (names) => {
    const ofTheSignature = new Set(
      'sv ss srt sp st se spr sig sr si sip skoid sktid skt ske sks skv saoid suoid scid sdd ses'.split(
        ' ',
      ),
    )
    return (name) => names.has('sig') && ofTheSignature.has(name)
  },
  cloudfront: (names) => {
    const ofTheSignature = ['policy', 'signature', 'key-pair-id', 'expires', 'hash-algorithm']
    return (name) => names.has('key-pair-id') && ofTheSignature.includes(name)
  },
}

/** Of what is kept: an image that another release kept in another form is under another key. */
const format = 'holdfast-image-1'

/**
 * The key of an image: a hash over its URL without the fragment, what partitions it, and the variant. Nothing of the
 * URL is sorted, unescaped or dropped unless `key` says so: a miss is cheap, two images under one key are not.
 */
export function imageKey(
  url: URL,
  entry: OriginEntry | undefined,
  variant: string | undefined,
  settings: KeySettings,
): string {
  const parts = [
    format,
    keyUrl(url, settings),
    credentialsOf(entry),
    variant ?? '',
    variant === undefined ? 0 : 1,
  ]
  const hash =
    settings.secret === undefined ? createHash('sha256') : createHmac('sha256', settings.secret)
  for (const part of parts) {
    const text = String(part)
    // Each part behind its length, so that no two lists of parts give the same bytes.
    hash.update(`${Buffer.byteLength(text)}:${text},`)
  }
  return hash.digest('base64url')
}

/** What the key says of the URL. */
function keyUrl(url: URL, settings: KeySettings): string {
  const { preset, sortQuery, dropQuery } = settings
  const base = url.href.split('#', 1)[0]!
  const at = base.indexOf('?')
  if (at < 0 || (preset === undefined && !sortQuery && dropQuery.length === 0)) return base
  let pairs = base.slice(at + 1).split('&')
  const names = new Set(pairs.map(nameOf))
  const isSignature = preset === undefined ? () => false : signatureParameters[preset](names)
  pairs = pairs.filter((pair) => !isSignature(nameOf(pair)) && !isDropped(pair, dropQuery))
  if (sortQuery) pairs.sort((a, b) => compare(a.split('=', 1)[0]!, b.split('=', 1)[0]!))
  return pairs.length === 0 ? base.slice(0, at) : `${base.slice(0, at)}?${pairs.join('&')}`
}

const nameOf = (pair: string) => pair.split('=', 1)[0]!.toLowerCase()

function isDropped(pair: string, dropQuery: readonly string[]): boolean {
  const name = pair.split('=', 1)[0]!
  return dropQuery.some((dropped) =>
    dropped.endsWith('*') ? name.startsWith(dropped.slice(0, -1)) : name === dropped,
  )
}

/** By code unit, the same in every locale. */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Images fetched with different credentials may differ, and are not everybody's. */
function credentialsOf(entry: OriginEntry | undefined): string {
  if (entry?.headers === undefined) return ''
  // What a function returns changes while it stays the same credential. Whose it is and how it reads tells it from
  // others, and is the same in every process of a release.
  if (typeof entry.headers === 'function') return `function ${entry.match} ${entry.headers}`
  const fields = Object.entries(entry.headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => compare(a, b))
  return createHash('sha256').update(JSON.stringify(fields)).digest('base64url')
}
