/** The cache modes of the Fetch standard. */
export type CacheMode =
  | 'default'
  | 'force-cache'
  | 'no-cache'
  | 'no-store'
  | 'only-if-cached'
  | 'reload'

/** What a caller of `fetch` asks for, where a cache has a say in it: a GET or HEAD over http or https. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD'
  /** Without its fragment. */
  readonly url: string
  readonly headers: Headers
  readonly mode: CacheMode
  readonly redirect: 'error' | 'follow' | 'manual'
  /** Whether a redirect led here. */
  readonly isRedirected: boolean
  readonly signal: AbortSignal | undefined
  /** What else was in `init`, for the network: a dispatcher, a priority. */
  readonly rest: RequestInit
}

/** What `fetch` was called with; `undefined` where caching has no part in it and the network is called as it was. */
export function readRequest(
  input: string | URL | Request,
  init: RequestInit = {},
): HttpRequest | undefined {
  const given = input instanceof Request ? input : undefined
  const method = (init.method ?? given?.method ?? 'GET').toUpperCase()
  if (method !== 'GET' && method !== 'HEAD') return undefined
  // A body makes no sense here, and integrity is the network's to check, on the bytes it receives.
  if (init.body || (init.integrity ?? given?.integrity)) return undefined
  const url = parseUrl(given?.url ?? String(input))
  if (url === undefined) return undefined
  if (init.cache !== undefined && !modes.has(init.cache))
    throw new TypeError(`init.cache must be one of ${[...modes].join(', ')}`)
  const { method: _, headers, signal, cache, redirect, ...rest } = init
  return {
    method,
    url,
    headers: new Headers(headers ?? given?.headers),
    mode: cache ?? given?.cache ?? 'default',
    redirect: redirect ?? given?.redirect ?? 'follow',
    isRedirected: false,
    signal: signal ?? (signal === null ? undefined : given?.signal),
    rest,
  }
}

const modes = new Set<unknown>([
  'default',
  'force-cache',
  'no-cache',
  'no-store',
  'only-if-cached',
  'reload',
] satisfies CacheMode[])

/** `undefined` for what is no http URL, or names a user: `fetch` itself says what is wrong with it. */
function parseUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  if (url.username !== '' || url.password !== '') return undefined
  url.hash = ''
  return url.href
}

/** Fields that must not follow a redirect to another origin. */
const ofTheOrigin = ['authorization', 'cookie', 'host', 'proxy-authorization']

/** The request that a redirect asks for. @throws TypeError where it leads to no http URL, or from https to http */
export function redirected(request: HttpRequest, location: string): HttpRequest {
  const url = URL.canParse(location, request.url)
    ? parseUrl(new URL(location, request.url).href)
    : undefined
  if (url === undefined) throw new TypeError('the redirect leads to no http or https URL')
  if (request.url.startsWith('https:') && url.startsWith('http:')) {
    throw new TypeError('the redirect leads from https to http')
  }
  if (new URL(url).origin === new URL(request.url).origin)
    return { ...request, url, isRedirected: true }
  const headers = new Headers(request.headers)
  for (const name of ofTheOrigin) headers.delete(name)
  return { ...request, url, headers, isRedirected: true }
}

/** Client conditions that a cache answers itself, and what only a cache reads. */
const ofTheCache = ['if-none-match', 'if-modified-since', 'if-range', 'range']

/** The headers for a request of the cache's own, for a whole response: the caller's, without what it asked of the cache. */
export function headersForWhole(
  request: HttpRequest,
  conditions: readonly (readonly [string, string])[],
): Headers {
  const headers = new Headers(request.headers)
  for (const name of ofTheCache) headers.delete(name)
  for (const [name, value] of conditions) headers.set(name, value)
  return headers
}
