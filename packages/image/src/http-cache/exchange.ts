import { isCacheError, type LoaderContext } from '@holdfast/core'
import { BoundedMarks } from './bounded-marks.ts'
import { parseCacheControl } from './cache-control.ts'
import type { CacheStatus } from './cache-status.ts'
import { HeadFreshening } from './head-freshening.ts'
import type { HttpCacheSettings } from './http-cache-settings.ts'
import type { HttpRequest } from './http-request.ts'
import { type Kept, type LoadNote, policyView } from './kept-response.ts'
import { type OriginFailure, OriginHolds } from './origin-holds.ts'
import { OriginLoad, type OriginOutcome } from './origin-load.ts'
import { type Decision, decide } from './policy.ts'
import { untilAborted } from './response-body.ts'
import { type Serving, serveFresh, serveKept, serveNothing, servePassing } from './serve.ts'
import { type Found, fits, type Looked, type Place, type Shelf, urlKey } from './shelf.ts'
import { hasOriginCondition, isConditional } from './validators.ts'

/** How long requests for a URL go one by one after its answer turned out to be for one client only. */
const aloneMs = 10_000
const rememberedAlone = 1_000

interface Judged {
  readonly found: Found
  readonly decision: Decision
}

type Fwd = NonNullable<CacheStatus['fwd']>

/** Answers requests from the shelf, from the origin, or from both. */
export class Exchange {
  readonly #settings: HttpCacheSettings
  readonly #shelf: Shelf
  readonly #head: HeadFreshening
  readonly #holds = new OriginHolds()
  readonly #alone = new BoundedMarks<number>(rememberedAlone)

  constructor(settings: HttpCacheSettings, shelf: Shelf) {
    this.#settings = settings
    this.#shelf = shelf
    this.#head = new HeadFreshening(settings, shelf)
  }

  /** One hop: a redirect is an answer. */
  async answer(request: HttpRequest, redirected: boolean): Promise<Response> {
    request.signal?.throwIfAborted()
    const asked = parseCacheControl(request.headers.get('cache-control'))
    if (request.mode === 'no-store' || asked.noStore || hasOriginCondition(request.headers)) {
      return this.#pass(request, redirected, { fwd: 'bypass' })
    }
    const looked = await this.#shelf.look(request.url, request.headers)
    request.signal?.throwIfAborted()
    const judged = this.#judge(request, looked)
    const served = judged && this.#fromShelf(request, judged, redirected)
    if (served) return served
    if (request.mode === 'only-if-cached') {
      throw new TypeError('nothing usable is kept, and the cache mode is only-if-cached')
    }
    if (asked.onlyIfCached) return serveNothing(this.#serving(request, redirected, {}))
    return this.#forward(request, looked, judged, redirected)
  }

  /** The newest that may be served as it is; else the newest of all. */
  #judge(request: HttpRequest, looked: Looked): Judged | undefined {
    const now = this.#settings.clock.now()
    const all = looked.found.map((found) => {
      const view = policyView(found.kept)
      const decision = decide(view, request.headers, now, this.#settings.policy)
      return { found, decision: isNewWanted(request) ? firm(decision) : decision }
    })
    return all.find(({ decision }) => decision.action === 'fresh') ?? all[0]
  }

  #fromShelf(request: HttpRequest, judged: Judged, redirected: boolean): Response | undefined {
    const { mode } = request
    const { found, decision } = judged
    if (isNewWanted(request)) return undefined
    const isWanted = mode === 'force-cache' || mode === 'only-if-cached'
    const { action, ttlMs, detail } = decision
    if (isWanted || action === 'fresh' || action === 'stale') {
      if (decision.refresh && !isWanted) this.#refreshBehind(request, judged)
      return this.#serveKept(request, found, redirected, { hit: true, ttlMs, detail })
    }
    const held = this.#holds.active(found.place.key, this.#settings.clock.now())
    if (held === undefined || !mayStandIn(decision, held)) return undefined
    const status = { hit: true, ttlMs, detail: 'stale-if-error' }
    return this.#serveKept(request, found, redirected, status)
  }

  async #forward(
    request: HttpRequest,
    looked: Looked,
    judged: Judged | undefined,
    redirected: boolean,
  ): Promise<Response> {
    const fwd = whyForwarded(request, looked, judged)
    if (request.method === 'HEAD') return this.#forwardHead(request, judged, redirected, fwd)
    const hasNoUse = judged === undefined && (isConditional(request.headers) || hasRange(request))
    if (hasNoUse || this.#isAlone(request)) return this.#alonePass(request, judged, redirected, fwd)
    const kept = request.mode === 'reload' ? undefined : judged
    const refresh = judged !== undefined || looked.isOccupied || isNewWanted(request)
    const place = judged?.found.place ?? looked.place
    try {
      let turn = await this.#turn(request, place, kept, refresh, false)
      // A load that was under way already may be older than this request.
      if (isNewWanted(request) && turn.mine.outcome === undefined) {
        turn = await this.#turn(request, place, kept, true, false)
      }
      const { mine, left } = turn
      if (mine.outcome !== undefined)
        return this.#serveOutcome(request, judged, mine, mine.outcome, redirected, fwd)
      return await this.#serveJoined(request, judged, left, redirected, fwd)
    } catch (error) {
      if (isOfTheCache(error)) return this.#alonePass(request, judged, redirected, fwd)
      return this.#standIn(request, judged, error, redirected)
    }
  }

  /** The load of a place: this request's own, or one that is under way. */
  async #turn(
    request: HttpRequest,
    place: Place,
    kept: Judged | undefined,
    refresh: boolean,
    behind: boolean,
  ): Promise<{ mine: OriginLoad; left: Kept | LoadNote }> {
    const mine = new OriginLoad(this.#settings, this.#shelf, request, kept)
    const signal = behind ? undefined : request.signal
    let left: Kept | LoadNote
    try {
      const load = (context: LoaderContext) => mine.run(place, context)
      left = await this.#shelf.load(place, load, { refresh, signal })
    } catch (error) {
      // Others may wait for the load on; what it brings for this caller alone is nobody's now.
      mine.abandon()
      throw error
    }
    const { outcome } = mine
    if (outcome?.kind === 'failed') this.#failed(place.key, outcome)
    else if (outcome !== undefined) this.#holds.answered(place.key)
    if (outcome?.kind === 'passing') this.#noteAlone(request)
    return { mine, left }
  }

  #refreshBehind(request: HttpRequest, judged: Judged): void {
    const { found } = judged
    const { clock } = this.#settings
    if (this.#holds.active(found.place.key, clock.now()) !== undefined) return
    this.#turn(request, found.place, judged, true, true).then(
      ({ mine }) => {
        // Nobody reads what came for one client only.
        mine.abandon()
      },
      (error: unknown) => {
        if (isOfTheCache(error)) return
        this.#failed(found.place.key, { as: 'disconnected', retryAfterMs: retryAfterOf(error) })
      },
    )
  }

  #failed(
    key: string,
    failure: { readonly as: OriginFailure; readonly retryAfterMs: number | undefined },
  ): void {
    this.#holds.failed(key, failure.as, this.#settings.clock.now(), failure.retryAfterMs)
  }

  #serveOutcome(
    request: HttpRequest,
    judged: Judged | undefined,
    mine: OriginLoad,
    outcome: OriginOutcome,
    redirected: boolean,
    fwd: Fwd,
  ): Response {
    if (outcome.kind === 'failed') {
      const { ttlMs } = judged!.decision
      const status = { fwd, fwdStatus: outcome.status, ttlMs, detail: 'stale-if-error' }
      return this.#serveKept(request, judged!.found, redirected, status as CacheStatus)
    }
    if (outcome.kind === 'passing') {
      const { response } = outcome
      const status = { fwd, fwdStatus: response.status, detail: outcome.why }
      const body =
        outcome.body && untilAborted(outcome.body, request.signal, (why) => mine.stop(why))
      return servePassing(response, body, this.#serving(request, redirected, status))
    }
    const { stored, why } = outcome
    const status = { fwd, fwdStatus: outcome.status, stored, detail: why }
    const serving = this.#serving(request, redirected, status)
    return serveFresh(outcome.response, outcome.fields, serving)
  }

  /** What another's load brought, if it is for this request too. */
  async #serveJoined(
    request: HttpRequest,
    judged: Judged | undefined,
    left: Kept | LoadNote,
    redirected: boolean,
    fwd: Fwd,
  ): Promise<Response> {
    if (left.kind === 'alone') return this.#alonePass(request, judged, redirected, fwd)
    const looked = await this.#shelf.look(request.url, request.headers)
    const now = this.#judge(request, looked)
    if (left.kind === 'failed' && judged?.decision.mayServeOnError) {
      const status = {
        fwd,
        ttlMs: judged.decision.ttlMs,
        detail: 'stale-if-error',
        collapsed: true,
      }
      return this.#serveKept(request, now?.found ?? judged.found, redirected, status)
    }
    if (left.kind === 'response' && fits(left, request.headers)) {
      const found = { place: judged?.found.place ?? looked.place, kept: left }
      const view = policyView(left)
      const at = this.#settings.clock.now()
      const decision = decide(view, request.headers, at, this.#settings.policy)
      if (isNewWanted(request) || decision.action === 'fresh' || decision.action === 'stale') {
        const status = { fwd, ttlMs: decision.ttlMs, collapsed: true }
        return this.#serveKept(request, found, redirected, status)
      }
    }
    if (now && (now.decision.action === 'fresh' || now.decision.action === 'stale')) {
      const status = { fwd, ttlMs: now.decision.ttlMs, collapsed: true }
      return this.#serveKept(request, now.found, redirected, status)
    }
    return this.#alonePass(request, now ?? judged, redirected, fwd)
  }

  /** For this request alone: nothing is kept of it. With something kept, it is asked about; else the request goes as it is. */
  async #alonePass(
    request: HttpRequest,
    judged: Judged | undefined,
    redirected: boolean,
    fwd: Fwd,
  ): Promise<Response> {
    if (judged === undefined || request.mode === 'reload') {
      return this.#pass(request, redirected, { fwd })
    }
    const mine = new OriginLoad(this.#settings, this.#shelf, request, judged)
    const stop = () => mine.stop(request.signal?.reason)
    request.signal?.addEventListener('abort', stop, { once: true })
    try {
      await mine.runAlone()
    } catch (error) {
      return this.#standIn(request, judged, error, redirected)
    } finally {
      request.signal?.removeEventListener('abort', stop)
    }
    return this.#serveOutcome(request, judged, mine, mine.outcome!, redirected, fwd)
  }

  /** As the caller wrote it, to the origin and back. */
  async #pass(request: HttpRequest, redirected: boolean, status: CacheStatus): Promise<Response> {
    const { url, method, headers, signal, rest } = request
    const sent = new Headers(headers)
    if (request.mode === 'no-store' || request.mode === 'reload') {
      if (!sent.has('pragma')) sent.set('pragma', 'no-cache')
      if (!sent.has('cache-control')) sent.set('cache-control', 'no-cache')
    }
    const response = await this.#settings.network(url, {
      ...rest,
      method,
      headers: sent,
      redirect: 'manual',
      cache: 'force-cache',
      ...(signal === undefined ? {} : { signal }),
    })
    const told = { ...status, fwdStatus: response.status }
    return servePassing(response, response.body, this.#serving(request, redirected, told))
  }

  async #forwardHead(
    request: HttpRequest,
    judged: Judged | undefined,
    redirected: boolean,
    fwd: Fwd,
  ): Promise<Response> {
    try {
      const response = await this.#pass(request, redirected, { fwd })
      if (judged !== undefined) await this.#head.apply(request, judged.found, response)
      return response
    } catch (error) {
      return this.#standIn(request, judged, error, redirected)
    }
  }

  /** What is kept, where no answer came and it may stand in; else what went wrong. */
  #standIn(
    request: HttpRequest,
    judged: Judged | undefined,
    error: unknown,
    redirected: boolean,
  ): Response {
    request.signal?.throwIfAborted()
    const isRefusal = (error as { retryable?: unknown } | undefined)?.retryable === false
    if (judged === undefined || isRefusal || !judged.decision.mayServeDisconnected) throw error
    const { found, decision } = judged
    this.#failed(found.place.key, { as: 'disconnected', retryAfterMs: retryAfterOf(error) })
    const status = { fwd: 'stale' as const, ttlMs: decision.ttlMs, detail: 'disconnected' }
    return this.#serveKept(request, found, redirected, status)
  }

  #serveKept(
    request: HttpRequest,
    found: Found,
    redirected: boolean,
    status: CacheStatus,
  ): Response {
    return serveKept(found.kept, this.#serving(request, redirected, status))
  }

  #serving(request: HttpRequest, redirected: boolean, status: CacheStatus): Serving {
    const { statusName, clock } = this.#settings
    return { request, redirected, status, statusName, now: clock.now() }
  }

  #isAlone(request: HttpRequest): boolean {
    const until = this.#alone.get(aloneKey(request)) ?? 0
    return this.#settings.clock.now() < until
  }

  #noteAlone(request: HttpRequest): void {
    this.#alone.set(aloneKey(request), this.#settings.clock.now() + aloneMs)
  }
}

/** Requests with credentials are answered for one client more often than others; they say nothing of those. */
function aloneKey(request: HttpRequest): string {
  return `${request.headers.has('authorization') ? 'credentials' : 'plain'} ${urlKey(request.url)}`
}

/** Whether the caller wants nothing that the origin has not confirmed for this very request. */
function isNewWanted({ mode }: HttpRequest): boolean {
  return mode === 'reload' || mode === 'no-cache'
}

/** Nothing stands in for an answer that the caller wants from the origin itself. */
function firm(decision: Decision): Decision {
  return { ...decision, mayServeOnError: false, mayServeDisconnected: false }
}

function mayStandIn(decision: Decision, failure: OriginFailure): boolean {
  return failure === 'error' ? decision.mayServeOnError : decision.mayServeDisconnected
}

function hasRange(request: HttpRequest): boolean {
  return request.headers.has('range')
}

function whyForwarded(request: HttpRequest, looked: Looked, judged: Judged | undefined): Fwd {
  if (isNewWanted(request)) return 'request'
  if (judged?.decision.detail?.startsWith('request-')) return 'request'
  if (judged !== undefined) return 'stale'
  return looked.place.at === 'variant' ? 'vary-miss' : 'uri-miss'
}

function retryAfterOf(error: unknown): number | undefined {
  const { retryAfterMs } = (error ?? {}) as { retryAfterMs?: unknown }
  return typeof retryAfterMs === 'number' ? retryAfterMs : undefined
}

/** Errors of the cache itself, which are no reason for a fetch to fail. A load's own time limit is none of them. */
const ofTheCache = new Set([
  'ERR_HOLDFAST_CLOSED',
  'ERR_HOLDFAST_KEY',
  'ERR_HOLDFAST_REENTRANT_LOAD',
])

function isOfTheCache(error: unknown): boolean {
  return isCacheError(error) && ofTheCache.has(error.code)
}
