import { type Cache, type CacheOptions, createCache } from '@holdfast/core'
import { type FakeClock, fakeClock } from '@holdfast/core/testing'
import { createHttpCache, type HttpCache } from '../../src/http-cache/http-cache.ts'
import type { HttpCacheOptions } from '../../src/http-cache/http-cache-options.ts'

export interface OriginRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly signal: AbortSignal | undefined
}

/** An answer, or a function that makes one; an Error is thrown, as by a connection that was cut. */
export type Script =
  | Response
  | Error
  | ((request: OriginRequest) => Response | Error | Promise<Response>)

/** An origin in the test's own hands: it answers by script, and remembers what it was asked. */
export class ScriptedOrigin {
  readonly requests: OriginRequest[] = []
  script: Script = new Response(null, { status: 500 })

  readonly fetch: typeof fetch = async (input, init) => {
    const given = input instanceof Request ? input : undefined
    const request = {
      method: init?.method ?? given?.method ?? 'GET',
      url: given?.url ?? String(input),
      headers: new Headers(init?.headers ?? given?.headers),
      signal: init?.signal ?? undefined,
    }
    this.requests.push(request)
    const answer = typeof this.script === 'function' ? await this.script(request) : this.script
    if (answer instanceof Error) throw answer
    return answer.clone()
  }

  get last(): OriginRequest {
    const last = this.requests.at(-1)
    if (last === undefined) throw new Error('the origin was asked nothing')
    return last
  }
}

export interface Stage {
  readonly clock: FakeClock
  readonly cache: Cache
  readonly origin: ScriptedOrigin
  readonly http: HttpCache
  /** Status, body and the two fields that tell where it came from. */
  get(
    url: string,
    init?: RequestInit,
  ): Promise<{ status: number; body: string; age: string | null; told: string | null }>
}

/** A cache in memory, an origin by script and a clock that stands still. */
export function stage(
  options: Omit<Partial<HttpCacheOptions>, 'cache' | 'clock' | 'fetch'> = {},
  cacheOptions: CacheOptions = {},
): Stage {
  const clock = fakeClock({ now: Date.UTC(2026, 10, 20, 12) })
  const cache = createCache({ clock, ...cacheOptions })
  const origin = new ScriptedOrigin()
  const http = createHttpCache({ cache, clock, fetch: origin.fetch, ...options })
  const get = async (url: string, init?: RequestInit) => {
    const response = await http.fetch(url, init)
    return {
      status: response.status,
      body: await response.text(),
      age: response.headers.get('age'),
      told: response.headers.get('cache-status'),
    }
  }
  return { clock, cache, origin, http, get }
}

/** A response with `Cache-Control` and whatever else. */
export function answer(
  body: string | null,
  cacheControl: string | undefined,
  headers: Record<string, string> = {},
  status = 200,
): Response {
  const control = cacheControl === undefined ? {} : { 'cache-control': cacheControl }
  return new Response(body, { status, headers: { ...control, ...headers } })
}

/** Answers 304 where the request names the tag, else with the body and the tag. */
export function tagged(body: string, tag: string, cacheControl: string): Script {
  return ({ headers }) =>
    headers.get('if-none-match') === tag
      ? answer(null, cacheControl, { etag: tag }, 304)
      : answer(body, cacheControl, { etag: tag })
}
