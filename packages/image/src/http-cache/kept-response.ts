import { type FieldList, fieldsOf } from './fields.ts'
import type { PolicyResponse } from './freshness.ts'

/** A response as it lies in the cache. */
export interface KeptResponse {
  readonly kind: 'response'
  /** The request's URL, compared on every read. */
  readonly url: string
  readonly status: number
  readonly statusText: string
  readonly fields: FieldList
  readonly body: Uint8Array
  readonly requestedAt: number
  readonly receivedAt: number
  /** Names it varies by, and the `variantId` of the request that brought it: as it is, without the language, by weight alone. */
  readonly vary: readonly string[]
  readonly variant: string
  readonly variantRest: string
  readonly variantWeighed: string
}

/** One of the answers that a URL has for different requests. */
export interface Variant {
  readonly vary: readonly string[]
  readonly id: string
  /** Where its response says in which language it is: that, and what stands for all the rest it varies by. */
  readonly language?: { readonly is: string; readonly rest: string }
  /** Where it varies by language and does not say: as `id`, whatever the order of the languages. */
  readonly weighed?: string
}

/** What lies under a URL whose responses vary: where its variants lie, the newest first. */
export interface KeptIndex {
  readonly kind: 'index'
  readonly url: string
  /** Part of the variants' keys: without the index that names it they are out of reach, all at once. */
  readonly generation: string
  readonly variants: readonly Variant[]
  /** Until when any of its variants is of use, Unix ms. */
  readonly keepUntil: number
}

/** What a load hands to those who joined it, where it brought nothing that could be kept for them. */
export interface LoadNote {
  readonly kind: 'alone' | 'failed' | 'look-again'
}

export type Kept = KeptResponse | KeptIndex

/** What was found under `url`, if it is whole and about that URL: a store may hold anything. */
export function readKept(value: unknown, url: string): Kept | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const kept = value as Partial<KeptResponse> & Partial<Omit<KeptIndex, 'kind' | 'url'>>
  if (kept.url !== url) return undefined
  const found = value as Kept
  if (found.kind === 'index') {
    const isWhole =
      typeof found.generation === 'string' &&
      Number.isFinite(found.keepUntil) &&
      Array.isArray(found.variants) &&
      found.variants.every(({ vary, id }) => Array.isArray(vary) && typeof id === 'string')
    return isWhole ? found : undefined
  }
  const isWhole =
    found.kind === 'response' &&
    Array.isArray(found.fields) &&
    found.fields.every((field) => Array.isArray(field) && field.every(isText)) &&
    found.status >= 200 &&
    found.status <= 599 &&
    Array.isArray(found.vary) &&
    found.body instanceof Uint8Array &&
    Number.isFinite(found.receivedAt) &&
    Number.isFinite(found.requestedAt)
  return isWhole ? found : undefined
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

/** As the rules see it. */
export function policyView(kept: KeptResponse): PolicyResponse {
  return {
    status: kept.status,
    fields: fieldsOf(kept.fields),
    requestedAt: kept.requestedAt,
    receivedAt: kept.receivedAt,
  }
}

/** Bytes of a response's names and values. */
export function fieldBytes(fields: FieldList): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
}
