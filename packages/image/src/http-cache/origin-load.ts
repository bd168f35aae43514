import type { LoaderContext } from '@holdfast/core'
import { isStoredAfter } from '../stored.ts'
import type { CacheStatus } from './cache-status.ts'
import { fieldsOf } from './fields.ts'
import { ageAtReceipt, type PolicyResponse } from './freshness.ts'
import type { HttpCacheSettings } from './http-cache-settings.ts'
import { type HttpRequest, headersForWhole } from './http-request.ts'
import { fieldBytes, type Kept, type KeptResponse, type LoadNote } from './kept-response.ts'
import { mergeNotModified } from './not-modified.ts'
import type { OriginOutcome, WholeAnswer } from './origin-outcome.ts'
import type { Decision } from './policy.ts'
import { discard, isComplete, readBody } from './response-body.ts'
import { retryAfterMs } from './retry-after.ts'
import { type Found, type Place, type Shelf, withoutLanguage } from './shelf.ts'
import { type NotStorable, retentionMs, whyNotStorable } from './storable.ts'
import { storedFields } from './stored-fields.ts'
import { revalidationFields } from './validators.ts'
import { variantId, varyNames } from './vary.ts'

/** More than any server sends in earnest; kept, each hit would carry it. */
const maxFieldBytes = 65_536
/** The longest an origin may ask to be left alone. */
const longestRetryAfterMs = 300_000
/** Answers that say that the server failed, not what it thinks of the request (RFC 5861, 4). */
const failures = new Set([500, 502, 503, 504])

/** What a load may say of what becomes of its answer. */
type Keeping = Pick<LoaderContext, 'setTtl' | 'skip'>

const keepingNothing: Keeping = { setTtl() {}, skip: (value) => value }

interface Answer extends PolicyResponse {
  readonly response: Response
}

/** One request of the cache to an origin, for a whole response to keep. */
export class OriginLoad {
  readonly #settings: HttpCacheSettings
  readonly #shelf: Shelf
  readonly #request: HttpRequest
  readonly #found: Found | undefined
  readonly #decision: Decision | undefined
  readonly #stop = new AbortController()
  #isAbandoned = false
  /** For the caller whose request this is; unset where another's request is waited for. */
  outcome: OriginOutcome | undefined
  /** Of the load whose value the response became. */
  #context: object | undefined

  constructor(
    settings: HttpCacheSettings,
    shelf: Shelf,
    request: HttpRequest,
    /** What is kept and to be asked about, with what may be done with it. */
    kept: { readonly found: Found; readonly decision: Decision } | undefined,
  ) {
    this.#settings = settings
    this.#shelf = shelf
    this.#request = request
    this.#found = kept?.found
    this.#decision = kept?.decision
  }

  /** Gives up what nobody reads any more. */
  stop(reason: unknown): void {
    this.#stop.abort(reason)
  }

  /** Nobody is there any more for whom its answer alone would be. */
  abandon(): void {
    this.#isAbandoned = true
    if (this.outcome?.kind === 'passing') this.stop(new Error('nobody reads this answer'))
  }

  /** In the words of `Cache-Status`. To be asked once the load's callers have been answered. */
  whatIsStored({ stored, why }: WholeAnswer): Pick<CacheStatus, 'stored' | 'detail'> {
    const isRefused = this.#context !== undefined && !isStoredAfter(this.#context)
    return isRefused ? { detail: 'unstored' } : { stored, detail: why }
  }

  /** As the load of `place`: returns what is to lie there, or why nothing is. */
  async run(place: Place, context: LoaderContext): Promise<Kept | LoadNote> {
    const { signal } = context
    const abort = () => this.#stop.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await this.#load(place, context)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** For one caller, past the shelf. */
  async runAlone(): Promise<void> {
    await this.#load(undefined, keepingNothing)
  }

  async #load(place: Place | undefined, context: Keeping): Promise<Kept | LoadNote> {
    const found = this.#found
    let answer = await this.#send(found ? revalidationFields(fieldsOf(found.kept.fields)) : [])
    if (answer.status === 304 && found !== undefined) {
      const merged = this.#merge(found.kept, answer)
      if (merged !== undefined) return this.#keepMerged(merged, answer, place, context)
      discard(answer.response)
      answer = await this.#send([])
    }
    if (failures.has(answer.status) && this.#decision?.mayServeOnError) {
      discard(answer.response)
      const retryMs = retryAfterMs(answer.fields, answer.receivedAt, longestRetryAfterMs)
      this.outcome = { kind: 'failed', as: 'error', status: answer.status, retryAfterMs: retryMs }
      return context.skip({ kind: 'failed' })
    }
    const why = this.#whyNotKept(answer)
    if (why !== undefined) return this.#pass(answer, answer.response.body, why, context)
    return this.#keepWhole(answer, place, context)
  }

  async #send(conditions: readonly [string, string][]): Promise<Answer> {
    const { clock, network } = this.#settings
    const { url, rest } = this.#request
    const requestedAt = clock.now()
    const response = await network(url, {
      ...rest,
      method: 'GET',
      headers: headersForWhole(this.#request, conditions),
      redirect: 'manual',
      // Any other mode makes fetch add `Cache-Control: no-cache` to a request with conditions of its own.
      cache: 'force-cache',
      signal: this.#stop.signal,
    })
    return {
      response,
      status: response.status,
      fields: response.headers,
      requestedAt,
      receivedAt: clock.now(),
    }
  }

  #merge(kept: KeptResponse, answer: Answer): KeptResponse | undefined {
    const fields = mergeNotModified(kept.fields, this.#storedFields(answer))
    if (fields === undefined) return undefined
    return { ...kept, fields, requestedAt: answer.requestedAt, receivedAt: answer.receivedAt }
  }

  async #keepMerged(
    merged: KeptResponse,
    answer: Answer,
    place: Place | undefined,
    context: Keeping,
  ): Promise<Kept | LoadNote> {
    const view = { ...answer, status: merged.status, fields: fieldsOf(merged.fields) }
    const why = whyNotStorable(
      { method: 'GET', fields: this.#request.headers },
      view,
      this.#settings.policy,
    )
    const cookies = [...answer.response.headers].filter(([name]) => name === 'set-cookie')
    const fields = [...merged.fields.filter(([name]) => name !== 'set-cookie'), ...cookies]
    this.outcome = {
      kind: 'whole',
      response: merged,
      fields,
      status: 304,
      stored: why === undefined && place !== undefined,
      why,
    }
    if (why !== undefined) return this.#leaveAlone(why, context)
    return this.#keep(merged, view, place, context)
  }

  async #keepWhole(
    answer: Answer,
    place: Place | undefined,
    context: Keeping,
  ): Promise<Kept | LoadNote> {
    const { response } = answer
    const body = await readBody(response, this.#settings.maxBodyBytes)
    if ('stream' in body) return this.#pass(answer, body.stream, 'too-large', context)
    const vary = varyNames(answer.fields)
    const { headers } = this.#request
    const kept: KeptResponse = {
      kind: 'response',
      url: this.#request.url,
      status: answer.status,
      statusText: response.statusText,
      fields: this.#storedFields(answer),
      body: body.whole,
      requestedAt: answer.requestedAt,
      receivedAt: answer.receivedAt,
      vary,
      variant: variantId(vary, headers),
      variantRest: variantId(withoutLanguage(vary), headers),
      variantWeighed: variantId(vary, headers, 'weighed'),
    }
    const why = isComplete(response, body.whole) ? undefined : 'incomplete'
    this.outcome = {
      kind: 'whole',
      response: kept,
      fields: [...response.headers],
      status: answer.status,
      stored: why === undefined && place !== undefined,
      why,
    }
    if (why !== undefined) return context.skip({ kind: 'alone' })
    return this.#keep(kept, answer, place, context)
  }

  async #keep(
    response: KeptResponse,
    view: PolicyResponse,
    place: Place | undefined,
    context: Keeping,
  ): Promise<Kept | LoadNote> {
    if (place === undefined) return { kind: 'alone' }
    const keepMs = retentionMs(view, ageAtReceipt(view), this.#settings.policy)
    try {
      const left = await this.#shelf.keep(place, response, keepMs, view.receivedAt, context)
      if (left === response) this.#context = context
      return left
    } catch {
      // The cache was closed, or lost a circle of loads: the answer is here all the same.
      if (this.outcome?.kind === 'whole') this.outcome = { ...this.outcome, stored: false }
      return context.skip({ kind: 'alone' })
    }
  }

  #whyNotKept(answer: Answer): NotStorable | 'too-large' | undefined {
    const why = whyNotStorable(
      { method: 'GET', fields: this.#request.headers },
      answer,
      this.#settings.policy,
    )
    if (why !== undefined) return why
    return fieldBytes([...answer.response.headers]) > maxFieldBytes ? 'too-large' : undefined
  }

  #pass(
    answer: Answer,
    body: ReadableStream<Uint8Array> | null,
    why: NotStorable | 'too-large',
    context: Keeping,
  ): LoadNote {
    this.outcome = { kind: 'passing', response: answer.response, body, why }
    if (this.#isAbandoned) this.abandon()
    return answer.status < 400 ? this.#leaveAlone(why, context) : context.skip({ kind: 'alone' })
  }

  /**
   * Nothing of this answer is for others. Where the origin now says so of the resource, what was kept of it goes; what
   * only one client's credentials or wishes caused concerns nobody else.
   */
  #leaveAlone(why: NotStorable | 'too-large', context: Keeping): LoadNote {
    const isOfTheClient =
      why === 'authorization' ||
      why === 'request-no-store' ||
      this.#request.headers.has('authorization')
    if (isOfTheClient) return context.skip({ kind: 'alone' })
    context.setTtl(0)
    return { kind: 'alone' }
  }

  #storedFields(answer: Answer): [string, string][] {
    return storedFields([...answer.response.headers], {
      targetedFields: this.#settings.policy.targetedFields,
      keepSetCookie: this.#settings.keepSetCookie,
    })
  }
}
