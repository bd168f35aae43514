import type { LoaderContext } from '@holdfast/core'
import { AloneMarks } from './alone-marks.ts'
import { parseCacheControl } from './cache-control.ts'
import type { CacheStatus } from './cache-status.ts'
import { HeadFreshening } from './head-freshening.ts'
import type { HttpCacheSettings } from './http-cache-settings.ts'
import type { HttpRequest } from './http-request.ts'
import {
  type Fwd,
  isNewWanted,
  isServable,
  type Judged,
  judge,
  mayStandIn,
  whyForwarded,
} from './judge.ts'
import { type Kept, type LoadNote, policyView } from './kept-response.ts'
import { isOfTheCache, isRefusal, retryAfterOf } from './load-failure.ts'
import { type OriginFailure, OriginHolds } from './origin-holds.ts'
import { OriginLoad } from './origin-load.ts'
import type { OriginOutcome } from './origin-outcome.ts'
import { decide } from './policy.ts'
import { untilAborted } from './response-body.ts'
import { type Serving, serveFresh, serveKept, serveNothing, servePassing } from './serve.ts'
import { type Found, fits, type Looked, type Place, type Shelf } from './shelf.ts'
import { hasOriginCondition, isConditional } from './validators.ts'

/** Answers requests from the shelf, from the origin, or from both. */
export class Exchange {
  readonly #settings: HttpCacheSettings
  readonly #shelf: Shelf
  readonly #head: HeadFreshening
  readonly #holds = new OriginHolds()
  readonly #alone = new AloneMarks()

  constructor(settings: HttpCacheSettings, shelf: Shelf) {
    this.#settings = settings
    this.#shelf = shelf
    this.#head = new HeadFreshening(settings, shelf)
  }

  /** One hop: a redirect is an answer. */
  async answer(request: HttpRequest): Promise<Response> {
    request.signal?.throwIfAborted()
    const asked = parseCacheControl(request.headers.get('cache-control'))
    if (request.mode === 'no-store' || asked.noStore || hasOriginCondition(request.headers)) {
      return this.#pass(request, { fwd: 'bypass' })
    }
    const looked = await this.#shelf.look(request.url, request.headers)
    request.signal?.throwIfAborted()
    const judged = this.#judge(request, looked)
    const served = judged && this.#fromShelf(request, judged)
    if (served) return served
    if (request.mode === 'only-if-cached') {
      throw new TypeError('nothing usable is kept, and the cache mode is only-if-cached')
    }
    if (asked.onlyIfCached) return serveNothing(this.#serving(request, {}))
    return this.#forward(request, looked, judged)
  }

  #judge(request: HttpRequest, looked: Looked): Judged | undefined {
    const { clock, policy } = this.#settings
    return judge(request, looked, clock.now(), policy)
  }

  #fromShelf(request: HttpRequest, judged: Judged): Response | undefined {
    const { mode } = request
    const { found, decision } = judged
    if (isNewWanted(request)) return undefined
    const isWanted = mode === 'force-cache' || mode === 'only-if-cached'
    const { ttlMs, detail } = decision
    if (isWanted || isServable(decision)) {
      if (decision.refresh && !isWanted) this.#refreshBehind(request, judged)
      return this.#serveKept(request, found, { hit: true, ttlMs, detail })
    }
    const held = this.#holds.active(found.place.key, this.#settings.clock.now())
    if (held === undefined || !mayStandIn(decision, held)) return undefined
    const status = { hit: true, ttlMs, detail: 'stale-if-error' }
    return this.#serveKept(request, found, status)
  }

  async #forward(
    request: HttpRequest,
    looked: Looked,
    judged: Judged | undefined,
    isAgain = false,
  ): Promise<Response> {
    const fwd = whyForwarded(request, looked, judged)
    if (request.method === 'HEAD') return this.#forwardHead(request, judged, fwd)
    const hasNoUse = judged === undefined && (isConditional(request.headers) || hasRange(request))
    if (hasNoUse || this.#alone.has(request, this.#settings.clock.now()))
      return this.#alonePass(request, judged, fwd)
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
        return this.#serveOutcome(request, judged, mine, mine.outcome, fwd)
      return await this.#serveJoined(request, judged, left, fwd, isAgain)
    } catch (error) {
      if (isOfTheCache(error)) return this.#alonePass(request, judged, fwd)
      return this.#standIn(request, judged, error)
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
    if (outcome?.kind === 'passing') this.#alone.note(request, this.#settings.clock.now())
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
    fwd: Fwd,
  ): Response {
    if (outcome.kind === 'failed') {
      const { ttlMs } = judged!.decision
      const status = { fwd, fwdStatus: outcome.status, ttlMs, detail: 'stale-if-error' }
      return this.#serveKept(request, judged!.found, status as CacheStatus)
    }
    if (outcome.kind === 'passing') {
      const { response } = outcome
      const status = { fwd, fwdStatus: response.status, detail: outcome.why }
      const body =
        outcome.body && untilAborted(outcome.body, request.signal, (why) => mine.stop(why))
      return servePassing(response, body, this.#serving(request, status))
    }
    const status = { fwd, fwdStatus: outcome.status, ...mine.whatIsStored(outcome) }
    const serving = this.#serving(request, status)
    return serveFresh(outcome.response, outcome.fields, serving)
  }

  /** What another's load brought, if it is for this request too. */
  async #serveJoined(
    request: HttpRequest,
    judged: Judged | undefined,
    left: Kept | LoadNote,
    fwd: Fwd,
    isAgain: boolean,
  ): Promise<Response> {
    if (left.kind === 'alone') return this.#alonePass(request, judged, fwd)
    const looked = await this.#shelf.look(request.url, request.headers)
    const now = this.#judge(request, looked)
    if (left.kind === 'failed' && judged?.decision.mayServeOnError) {
      const status = {
        fwd,
        ttlMs: judged.decision.ttlMs,
        detail: 'stale-if-error',
        collapsed: true,
      }
      return this.#serveKept(request, now?.found ?? judged.found, status)
    }
    if (left.kind === 'response' && fits(left, request.headers)) {
      const found = { place: judged?.found.place ?? looked.place, kept: left }
      const view = policyView(left)
      const at = this.#settings.clock.now()
      const decision = decide(view, request.headers, at, this.#settings.policy)
      if (isNewWanted(request) || isServable(decision)) {
        const status = { fwd, ttlMs: decision.ttlMs, collapsed: true }
        return this.#serveKept(request, found, status)
      }
    }
    if (now && isServable(now.decision)) {
      const status = { fwd, ttlMs: now.decision.ttlMs, collapsed: true }
      return this.#serveKept(request, now.found, status)
    }
    // It brought a variant for others: those that this one is among may share the next load.
    const isForOthers = left.kind === 'index' || left.kind === 'look-again'
    if (isForOthers && !isAgain) return this.#forward(request, looked, now, true)
    return this.#alonePass(request, now ?? judged, fwd)
  }

  /** For this request alone: nothing is kept of it. With something kept, it is asked about; else the request goes as it is. */
  async #alonePass(request: HttpRequest, judged: Judged | undefined, fwd: Fwd): Promise<Response> {
    if (judged === undefined || request.mode === 'reload') {
      return this.#pass(request, { fwd })
    }
    const mine = new OriginLoad(this.#settings, this.#shelf, request, judged)
    const stop = () => mine.stop(request.signal?.reason)
    request.signal?.addEventListener('abort', stop, { once: true })
    try {
      await mine.runAlone()
    } catch (error) {
      return this.#standIn(request, judged, error)
    } finally {
      request.signal?.removeEventListener('abort', stop)
    }
    return this.#serveOutcome(request, judged, mine, mine.outcome!, fwd)
  }

  /** As the caller wrote it, to the origin and back. */
  async #pass(request: HttpRequest, status: CacheStatus): Promise<Response> {
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
    return servePassing(response, response.body, this.#serving(request, told))
  }

  async #forwardHead(
    request: HttpRequest,
    judged: Judged | undefined,
    fwd: Fwd,
  ): Promise<Response> {
    try {
      const response = await this.#pass(request, { fwd })
      if (judged !== undefined) await this.#head.apply(request, judged.found, response)
      return response
    } catch (error) {
      return this.#standIn(request, judged, error)
    }
  }

  /** What is kept, where no answer came and it may stand in; else what went wrong. */
  #standIn(request: HttpRequest, judged: Judged | undefined, error: unknown): Response {
    request.signal?.throwIfAborted()
    if (judged === undefined || isRefusal(error) || !judged.decision.mayServeDisconnected)
      throw error
    const { found, decision } = judged
    this.#failed(found.place.key, { as: 'disconnected', retryAfterMs: retryAfterOf(error) })
    const status = { fwd: 'stale' as const, ttlMs: decision.ttlMs, detail: 'disconnected' }
    return this.#serveKept(request, found, status)
  }

  #serveKept(request: HttpRequest, found: Found, status: CacheStatus): Response {
    return serveKept(found.kept, this.#serving(request, status))
  }

  #serving(request: HttpRequest, status: CacheStatus): Serving {
    const { statusName, clock } = this.#settings
    return { request, status, statusName, now: clock.now() }
  }
}

function hasRange(request: HttpRequest): boolean {
  return request.headers.has('range')
}
