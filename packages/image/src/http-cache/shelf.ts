import { createHash, randomBytes } from 'node:crypto'
import type { Cache, EntryOptions, LoaderContext } from '@holdfast/core'
import type { Fields } from './fields.ts'
import {
  type Kept,
  type KeptIndex,
  type KeptResponse,
  type LoadNote,
  readKept,
  type Variant,
} from './kept-response.ts'
import { favouriteLanguage, variantId } from './vary.ts'

/** Answers that one URL may have for different requests; beyond it the one longest unseen goes. */
export const maxVariants = 16
/** Of several that fit a request, the newest are looked at. */
const lookedAt = 3
const longestPlainUrl = 1_000

/** Whether a response lies under its URL, under an index there, or not at all. */
export type Place =
  | { readonly at: 'url'; readonly key: string }
  | { readonly at: 'variant'; readonly key: string; readonly generation: string }

export interface Found {
  readonly place: Place
  readonly kept: KeptResponse
}

export interface Looked {
  /** Those that fit the request, the newest first. */
  readonly found: readonly Found[]
  /** Where a load for this request begins. */
  readonly place: Place
  /** Something lies at `place`, of no use to this request. */
  readonly isOccupied: boolean
}

/** Freshness is judged by the entry's own fields: for the cache below it is simply there, or not. */
const plain: EntryOptions = {
  staleWhileRevalidate: 0,
  staleIfError: 0,
  jitter: 0,
  earlyRefresh: false,
  nullTtl: 0,
  errorTtl: 0,
  tags: [],
}

/** Where responses lie in a cache: one under its URL, or several that vary under keys that an index under the URL names. */
export class Shelf {
  readonly #cache: Cache
  readonly #loadTimeoutMs: number

  constructor(cache: Cache, loadTimeoutMs: number) {
    this.#cache = cache
    this.#loadTimeoutMs = loadTimeoutMs
  }

  /** Everything kept of `url` that fits a request. A cache that does not answer has nothing. */
  async look(url: string, request: Fields): Promise<Looked> {
    const key = urlKey(url)
    const under = await this.#get(key)
    const kept = readKept(under, url)
    const atUrl: Place = { at: 'url', key }
    if (kept?.kind !== 'index') {
      const found = kept?.vary.length === 0 ? [{ place: atUrl, kept }] : []
      return { found, place: atUrl, isOccupied: under !== undefined }
    }
    const places = kept.variants
      .filter((variant) => isFor(variant, request))
      .slice(0, lookedAt)
      .map((variant) => variantPlace(kept.generation, variant.id))
    const all = await Promise.all(places.map(async (place) => this.#responseAt(place, url)))
    const found = all.filter((one) => one !== undefined)
    const [newest] = kept.variants
    const place = newest && variantPlace(kept.generation, variantId(newest.vary, request))
    return { found, place: places[0] ?? place ?? atUrl, isOccupied: place === undefined }
  }

  async #responseAt(place: Place, url: string): Promise<Found | undefined> {
    const kept = readKept(await this.#get(place.key), url)
    return kept?.kind === 'response' ? { place, kept } : undefined
  }

  async #get(key: string): Promise<unknown> {
    try {
      return await this.#cache.get(key)
    } catch {
      // Closed, or a policy of its own in the way: the cache tells of it itself, and a fetch goes on without.
      return undefined
    }
  }

  /**
   * Loads what belongs at `place`: one load for all that ask at once, in all processes. `refresh`: also where something
   * lies there already.
   */
  load(
    place: Place,
    load: (context: LoaderContext) => Promise<Kept | LoadNote>,
    options: { readonly refresh: boolean; readonly signal: AbortSignal | undefined },
  ): Promise<Kept | LoadNote> {
    return this.#cache.wrap(place.key, load, { ...this.#options, ...options })
  }

  get #options(): EntryOptions {
    return { ...plain, ttl: 1, loadTimeout: this.#loadTimeoutMs }
  }

  /**
   * Keeps a response that has just come for `place`, and returns what the load of `place` is to leave there:
   * the response, an index that now names it, or nothing.
   */
  async keep(
    place: Place,
    response: KeptResponse,
    keepMs: number,
    now: number,
    context: Pick<LoaderContext, 'setTtl' | 'skip'>,
  ): Promise<Kept | LoadNote> {
    context.setTtl(keepMs)
    if (place.at === 'url') {
      if (response.vary.length === 0) return response
      const generation = randomBytes(16).toString('base64url')
      await this.#put(variantPlace(generation, response.variant), response, keepMs)
      return indexOf(response.url, generation, [variantOf(response)], now + keepMs)
    }
    const { generation } = place
    const own = variantPlace(generation, response.variant)
    // Written first, named then: an index never names what is not there yet.
    if (response.vary.length > 0 && own.key !== place.key) await this.#put(own, response, keepMs)
    await this.#rename(generation, response, now + keepMs)
    if (own.key === place.key && response.vary.length > 0) return response
    return context.skip({ kind: 'look-again' })
  }

  async #put(place: Place, response: KeptResponse, keepMs: number): Promise<void> {
    await this.#cache.set(place.key, response, { ...plain, ttl: keepMs })
  }

  /**
   * Names a new variant in the index, or puts a response in its place that does not vary any more. As a load of the
   * URL, so that an invalidation meanwhile keeps it out; and only over the generation it belongs to.
   */
  async #rename(generation: string, response: KeptResponse, keepUntil: number): Promise<void> {
    const key = urlKey(response.url)
    let dropped: readonly Variant[] = []
    for (let tries = 0; tries < 3; tries++) {
      let isMine = false
      const left = await this.#cache.wrap<Kept | LoadNote>(
        key,
        (context) => {
          isMine = true
          const index = readKept(context.stale, response.url)
          if (index?.kind !== 'index' || index.generation !== generation) {
            return context.skip<LoadNote>({ kind: 'look-again' })
          }
          const until = Math.max(index.keepUntil, keepUntil)
          context.setTtl(Math.max(1, until - response.receivedAt))
          dropped = othersIn(index, response).slice(maxVariants - 1)
          return response.vary.length === 0 ? response : withVariant(index, response, until)
        },
        { ...this.#options, refresh: true },
      )
      // Somebody else was at it: what came of it may lack this one.
      if (isMine || (left.kind === 'index' && names(left, response.variant))) break
    }
    if (dropped.length === 0) return
    const keys = dropped.map(({ id }) => variantPlace(generation, id).key)
    await this.#cache.delete(keys).catch(() => {})
  }

  /** Puts new fields in the place of old ones, if what lies there is still what they were made of. */
  async update(found: Found, next: KeptResponse, keepMs: number): Promise<void> {
    const { key } = found.place
    await this.#cache.wrap<Kept | LoadNote>(
      key,
      (context) => {
        const there = readKept(context.stale, next.url)
        if (there?.kind !== 'response' || there.receivedAt !== found.kept.receivedAt) {
          return context.skip<LoadNote>({ kind: 'look-again' })
        }
        context.setTtl(keepMs)
        return next
      },
      { ...this.#options, refresh: true },
    )
  }

  /** Forgets everything kept of these URLs. A store that fails tells of it itself, and makes it up. */
  async forget(urls: readonly string[]): Promise<void> {
    if (urls.length === 0) return
    await this.#cache.delete(urls.map(urlKey)).catch(() => {})
  }

  /** The same for one who wants to know. @throws InvalidationError where the store does not take it; it is made up later */
  async purge(url: string): Promise<void> {
    await this.#cache.delete(urlKey(url))
  }
}

/** A URL as a key, or its digest where it is long. Neither begins as a variant's key does. */
export function urlKey(url: string): string {
  if (url.length <= longestPlainUrl) return `url ${url}`
  return `sha256 ${createHash('sha256').update(url).digest('hex')}`
}

function variantPlace(generation: string, id: string): Place {
  return { at: 'variant', key: `variant ${generation} ${id}`, generation }
}

function isFor({ vary, id, language, weighed }: Variant, request: Fields): boolean {
  if (variantId(vary, request) === id) return true
  if (weighed !== undefined) return variantId(vary, request, 'weighed') === weighed
  if (language === undefined || favouriteLanguage(request) !== language.is) return false
  return variantId(withoutLanguage(vary), request) === language.rest
}

/** Whether a response may answer a request, as far as it varies. */
export function fits(response: KeptResponse, request: Fields): boolean {
  return isFor(variantOf(response), request)
}

function variantOf(response: KeptResponse): Variant {
  const { vary, variant: id } = response
  if (!vary.includes('accept-language')) return { vary, id }
  const language = response.fields.find(([name]) => name === 'content-language')?.[1]
  // A server that does not say which language it chose is taken at the word of the standard: order says nothing.
  if (language === undefined) return { vary, id, weighed: response.variantWeighed }
  if (language.includes(',')) return { vary, id }
  return { vary, id, language: { is: language.trim().toLowerCase(), rest: response.variantRest } }
}

/** The names without the language, which is then judged by what the response says of itself. */
export function withoutLanguage(vary: readonly string[]): readonly string[] {
  return vary.filter((name) => name !== 'accept-language')
}

function indexOf(
  url: string,
  generation: string,
  variants: readonly Variant[],
  keepUntil: number,
): KeptIndex {
  return { kind: 'index', url, generation, variants, keepUntil }
}

function withVariant(index: KeptIndex, response: KeptResponse, keepUntil: number): KeptIndex {
  const variants = [variantOf(response), ...othersIn(index, response)].slice(0, maxVariants)
  return indexOf(index.url, index.generation, variants, keepUntil)
}

function othersIn(index: KeptIndex, response: KeptResponse): readonly Variant[] {
  return index.variants.filter(({ id }) => id !== response.variant)
}

function names(index: KeptIndex, id: string): boolean {
  return index.variants.some((variant) => variant.id === id)
}
