import { InvalidOptionError } from '@holdfast/core'
import { unmet } from '@holdfast/core/adapter'
import { readList, readObject } from '../network/option-values.ts'
import type { GetOptions } from './image-cache.ts'
import { knowsIntegrity } from './subresource-integrity.ts'

/** Options of single calls: looked at before anything is read, like those of the cache itself. */

/** @throws InvalidOptionError */
export function checkedGet(options: GetOptions | undefined): GetOptions {
  if (options === undefined) return {}
  readObject(options, ['signal', 'variant', 'integrity'], 'the options of get')
  const { signal, variant, integrity } = options
  checkVariant(variant)
  // Of any realm: what counts is that it can be listened to.
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    throw unmet('signal', 'an AbortSignal', signal)
  if (integrity !== undefined && !knowsIntegrity(integrity))
    throw new InvalidOptionError(
      "integrity must hold a hash such as 'sha256-…' in base64; sha256, sha384 and sha512 are known",
    )
  return options
}

/** @throws InvalidOptionError */
export function checkedVariant(options: { readonly variant?: string | undefined }) {
  readObject(options, ['variant'], 'the options of peek')
  return checkVariant(options.variant)
}

/** A misspelt `soft` would purge for good. @throws InvalidOptionError */
export function checkedSoft(options: { readonly soft?: boolean | undefined }): boolean {
  const { soft = false } = readObject(options, ['soft'], 'the options of purge')
  if (typeof soft !== 'boolean') throw unmet('soft', 'true or false', soft)
  return soft
}

/** @throws InvalidOptionError for one URL alone, whose letters would be taken for many */
export function checkedUrls(urls: Iterable<string>): Iterable<string> {
  if (typeof urls !== 'object' || urls === null || typeof urls[Symbol.iterator] !== 'function')
    throw unmet('the URLs of warm', 'an array or another iterable of them', urls)
  return urls
}

/** @throws InvalidOptionError */
export const checkedTags = (tags: readonly string[]): readonly string[] =>
  readList(tags, 'the tags of purgeTags', (tag, path) => {
    if (typeof tag === 'string' && tag !== '') return tag
    throw unmet(path, 'a non-empty string', tag)
  })

function checkVariant(variant: string | undefined): string | undefined {
  if (variant === undefined || typeof variant === 'string') return variant
  throw unmet('variant', 'a string', variant)
}
