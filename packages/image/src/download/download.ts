import type { Clock } from '@holdfast/core'
import { systemClock } from '@holdfast/core/adapter'
import { retryAfterMs } from '../http-cache/retry-after.ts'
import { ImageError } from '../image-error.ts'
import { type Agents, createAgents } from '../network/agents.ts'
import { answerBody } from '../network/answer-body.ts'
import { startDeadline } from '../network/deadline.ts'
import { type Arrival, type Hop, travel } from '../network/hops.ts'
import type { ImageFormat } from '../network/options.ts'
import type { NetworkSeam } from '../network/seam.ts'
import type { GuardSettings } from '../network/settings.ts'
import { admitUrl, parseUrl } from '../network/url-rules.ts'
import type { Verdict } from './origin-breaker.ts'
import { OriginStates } from './origin-states.ts'
import { withRetries } from './retries.ts'

export interface DownloadOptions {
  /** Detaches this caller: the download rejects with the signal's reason and its connection is closed. */
  readonly signal?: AbortSignal | undefined
  /** Validators of the copy at hand; with them the answer may be 304. */
  readonly conditional?:
    | { readonly etag?: string | undefined; readonly lastModified?: string | undefined }
    | undefined
  /** In place of the Accept that follows from `types`. Never a client's own words: reduce them first. */
  readonly accept?: string | undefined
  /** The CDN-Loop to send (RFC 8586). */
  readonly cdnLoop?: string | undefined
  /** False where a stale copy can be served in its stead. Default true. */
  readonly retry?: boolean | undefined
}

export interface Downloaded {
  /** 304 only in answer to `conditional`; its body is empty. */
  readonly status: 200 | 304
  /** As the origin sent them; Content-Encoding and Content-Length are gone, the body is decoded. */
  readonly headers: Headers
  /** Decoded, whole, in memory of its own. */
  readonly body: Uint8Array
  readonly finalUrl: string
  /** Redirects that were followed. Their freshness bounds that of the answer. */
  readonly hops: readonly Hop[]
  /** How many requests were sent again. */
  readonly retries: number
}

export interface Downloader {
  /** @throws ImageError; whatever `signal` was aborted with. */
  download(url: string, options?: DownloadOptions): Promise<Downloaded>
  /** Checks a URL against scheme, port, origins and address without any I/O. @throws ImageError */
  check(url: string): URL
  /**
   * Keeps no connection from now on, and closes those that are idle. Downloads under way end as they began, and a request
   * that began before may still ask for one.
   */
  close(): void
}

/** Settings of the guard, and what is asked for. */
export interface DownloadSettings extends GuardSettings {
  readonly types: readonly ImageFormat[]
}

/**
 * Downloads under one frozen set of settings, over connections of their own. New settings want a new downloader;
 * `previous` hands over what is known of the origins (breakers, queues, budgets).
 */
export function createDownloader(
  settings: DownloadSettings,
  seam?: NetworkSeam,
  previous?: Downloader,
): Downloader {
  return new OriginDownloader(settings, seam, previous)
}

/** Says who asks; the same for every request, so that no client can be told from another. */
const userAgent = 'holdfast-image'

class OriginDownloader implements Downloader {
  readonly #settings: DownloadSettings
  readonly #clock: Clock
  readonly #agents: Agents
  readonly #states: OriginStates
  readonly #accept: string

  constructor(
    settings: DownloadSettings,
    seam: NetworkSeam | undefined,
    previous: Downloader | undefined,
  ) {
    this.#settings = settings
    this.#clock = seam?.clock ?? systemClock
    const { admitsAddress, ca, limits } = settings
    const timeoutMs = limits.deadlineMs
    this.#agents = createAgents({ admitsAddress, ca, seam, clock: this.#clock, timeoutMs })
    this.#states =
      previous instanceof OriginDownloader ? previous.#states : new OriginStates(this.#clock)
    this.#accept = acceptFor(settings.types)
  }

  check(text: string): URL {
    const url = parseUrl(text)
    admitUrl(url, this.#settings)
    return url
  }

  // Async, so that everything refused is a rejection.
  async download(text: string, options: DownloadOptions = {}): Promise<Downloaded> {
    const url = this.check(text)
    const { limits } = this.#settings
    const deadline = startDeadline(limits.deadlineMs, this.#clock, options.signal)
    const state = this.#states.of(url.origin)
    const places = admitUrl(url, this.#settings).concurrency
    const attempt = () =>
      state.gate.enter(places, deadline.signal, () =>
        state.breaker.guard(
          () => deadline.race(this.#fetch(url, options, deadline.signal)),
          verdictOn,
        ),
      )
    state.budget.earn()
    try {
      if (options.retry === false) return { ...(await attempt()), retries: 0 }
      const { result, retries } = await withRetries(attempt, state.budget, deadline, this.#clock)
      return { ...result, retries }
    } finally {
      deadline.clear()
    }
  }

  async #fetch(
    url: URL,
    options: DownloadOptions,
    signal: AbortSignal,
  ): Promise<Omit<Downloaded, 'retries'>> {
    const headers = this.#requestHeaders(options)
    const journey = { url, method: 'GET', headers, body: undefined, signal }
    const arrival = await travel(journey, this.#settings, this.#agents)
    const { answer, hops } = arrival
    const finalUrl = arrival.url.href
    if (answer.status === 304 && options.conditional !== undefined) {
      answer.message.resume()
      return { status: 304, headers: kept(answer.headers), body: new Uint8Array(), finalUrl, hops }
    }
    if (answer.status !== 200) throw this.#unwanted(arrival)
    const body = await whole(answerBody(answer, this.#settings.limits.bytes, signal))
    return { status: 200, headers: kept(answer.headers), body, finalUrl, hops }
  }

  #requestHeaders({ conditional, accept, cdnLoop }: DownloadOptions): Headers {
    const headers = new Headers({
      accept: accept ?? this.#accept,
      'accept-encoding': 'identity',
      'user-agent': userAgent,
    })
    if (conditional?.etag !== undefined) headers.set('if-none-match', conditional.etag)
    if (conditional?.lastModified !== undefined)
      headers.set('if-modified-since', conditional.lastModified)
    if (cdnLoop !== undefined) headers.set('cdn-loop', cdnLoop)
    return headers
  }

  #unwanted({ answer, url }: Arrival): ImageError {
    answer.message.destroy()
    const wait = retryAfterMs(answer.headers, this.#clock.now(), Number.POSITIVE_INFINITY)
    return new ImageError('status', `expected 200 from ${url.hostname}, not ${answer.status}`, {
      upstreamStatus: answer.status,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    })
  }

  close(): void {
    this.#agents.retire()
  }
}

/** What makes an origin look broken. That a picture is not there, or not admitted, does not. */
function verdictOn(error: unknown): Verdict {
  if (!(error instanceof ImageError)) return 'unknown'
  if (error.code === 'status') {
    const status = error.upstreamStatus ?? 0
    return status >= 500 || status === 429 ? 'failed' : 'answered'
  }
  if (['dns', 'network', 'timeout', 'truncated'].includes(error.code)) return 'failed'
  return ['size', 'encoding', 'redirect'].includes(error.code) ? 'answered' : 'unknown'
}

function acceptFor(types: readonly ImageFormat[]): string {
  return types.map((type) => (type === 'svg' ? 'image/svg+xml' : `image/${type}`)).join(',')
}

/** The bytes are decoded: what described the others is gone. */
function kept(headers: Headers): Headers {
  const rest = new Headers(headers)
  rest.delete('content-encoding')
  rest.delete('content-length')
  return rest
}

/** All of a body in memory of its own, so that no view of it reaches what lies beside it. */
async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of chunks) {
    parts.push(part)
    length += part.byteLength
  }
  const body = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    body.set(part, offset)
    offset += part.byteLength
  }
  return body
}
