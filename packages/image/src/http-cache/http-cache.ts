import { Exchange } from './exchange.ts'
import { type HttpCacheOptions, readHttpCacheOptions } from './http-cache-options.ts'
import { type HttpRequest, readRequest, redirected } from './http-request.ts'
import { discard } from './response-body.ts'
import { Shelf } from './shelf.ts'
import { changedUrls, withoutFragment } from './unsafe-methods.ts'

/** A `fetch` that keeps what may be kept. */
export interface HttpCache {
  /**
   * As the global `fetch`, over a shared cache (RFC 9111). `init.cache` means what it means in the Fetch standard.
   * What the cache cannot do is never a reason for it to fail.
   */
  readonly fetch: typeof fetch
  /**
   * Forgets everything kept of a URL, its variants included.
   * Rejects with `InvalidationError` where the store does not take it; it is made up for later.
   */
  purge(url: string | URL): Promise<void>
}

/** As the Fetch standard has it. */
const mostRedirects = 20
const redirects = new Set([301, 302, 303, 307, 308])

/**
 * An HTTP cache over any Holdfast cache: in memory, or shared by processes through its store. It decides for many
 * clients at once: what is private to one is never kept.
 * @throws InvalidOptionError naming the option, what was expected and what came.
 */
export function createHttpCache(options: HttpCacheOptions): HttpCache {
  const settings = readHttpCacheOptions(options)
  const shelf = new Shelf(options.cache.namespace('http'), settings.timeoutMs)
  const exchange = new Exchange(settings, shelf)

  async function follow(first: HttpRequest): Promise<Response> {
    let request = first
    for (let hops = 0; ; hops++) {
      const response = await exchange.answer(request)
      const location = response.headers.get('location')
      if (!redirects.has(response.status) || location === null) return response
      if (request.redirect === 'manual') return response
      discard(response)
      if (request.redirect === 'error') throw new TypeError('the answer is a redirect')
      if (hops === mostRedirects) throw new TypeError(`more than ${mostRedirects} redirects`)
      request = redirected(request, location)
    }
  }

  /** Past the cache, which only learns what is no longer true. */
  async function send(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const response = await settings.network(input, init)
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
    const url = input instanceof Request ? input.url : String(input)
    await shelf.forget(changedUrls(method, url, response))
    return response
  }

  const cachedFetch = async (input: string | URL | Request, init?: RequestInit) => {
    const request = readRequest(input, init)
    return request === undefined ? send(input, init) : follow(request)
  }
  return {
    fetch: cachedFetch as typeof fetch,
    purge: async (url) => shelf.purge(withoutFragment(new URL(url))),
  }
}
