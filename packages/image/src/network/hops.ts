import { ImageError } from '../image-error.ts'
import type { Agents } from './agents.ts'
import { exchange, type HopAnswer } from './exchange.ts'
import { currentHeaders } from './origin-headers.ts'
import type { GuardSettings, OriginEntry } from './settings.ts'
import { tryUrl } from './try-url.ts'
import { admitUrl, parseUrl, shown } from './url-rules.ts'

/** A redirect that was followed. */
export interface Hop {
  readonly url: string
  readonly status: number
  readonly headers: Headers
}

export interface Journey {
  readonly url: URL
  readonly method: string
  /** Without those of an origin's entry: each hop gets its own. */
  readonly headers: Headers
  readonly body: Uint8Array | undefined
  readonly signal: AbortSignal
}

export interface Arrival {
  readonly answer: HopAnswer
  readonly url: URL
  /** The entry that admitted the last hop. */
  readonly entry: OriginEntry
  readonly hops: readonly Hop[]
}

const redirects = new Set([301, 302, 303, 307, 308])

/**
 * Follows redirects, each hop through every rule that the first URL had to pass, with the credentials of the entry that
 * admits it and of no other.
 * @throws ImageError
 */
export async function travel(
  journey: Journey,
  settings: GuardSettings,
  agents: Agents,
  follow = true,
): Promise<Arrival> {
  const hops: Hop[] = []
  const seen = new Set<string>()
  let { url, method, headers, body } = journey
  while (true) {
    const entry = admitUrl(url, settings)
    seen.add(`${method} ${url.href}`)
    const hop = { ...journey, url, method, headers, body }
    const answer = await exchangeAsEntry(hop, entry, agents)
    const location = answer.headers.get('location')
    if (!follow || !redirects.has(answer.status) || location === null)
      return { answer, url, entry, hops }
    // The body of a redirect is not worth reading.
    answer.message.destroy()
    const next = nextUrl(location, url)
    if (hops.length >= settings.limits.redirects)
      throw refused(
        `${shown(url)} redirects more than ${settings.limits.redirects} times; see limits.redirects`,
      )
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw refused(`${shown(url)} redirects from https to http`)
    const becomesGet =
      answer.status === 303 ? method !== 'HEAD' : method === 'POST' && answer.status <= 302
    if (becomesGet) {
      method = 'GET'
      body = undefined
      headers = withoutContent(headers)
    }
    if (seen.has(`${method} ${next.href}`)) throw refused(`${shown(url)} redirects in a circle`)
    // Another host is not told what was meant for the first one.
    if (next.origin !== url.origin) headers = withoutSecrets(headers)
    hops.push({ url: url.href, status: answer.status, headers: answer.headers })
    url = next
  }
}

/** After a 401 the entry's headers are asked for once more: a token may have run out. */
async function exchangeAsEntry(
  hop: Journey,
  entry: OriginEntry,
  agents: Agents,
): Promise<HopAnswer> {
  const ask = async () => {
    const headers = new Headers(hop.headers)
    for (const [name, value] of Object.entries(await currentHeaders(entry.headers)))
      headers.set(name, value)
    if (hop.signal.aborted) throw hop.signal.reason
    return exchange({ ...hop, headers }, agents)
  }
  const answer = await ask()
  if (answer.status !== 401 || typeof entry.headers !== 'function') return answer
  answer.message.destroy()
  return ask()
}

function nextUrl(header: string, from: URL): URL {
  const location = asUtf8(header)
  const next = tryUrl(location, from)
  if (next === undefined || /[\p{Cc} \\]/u.test(location))
    throw new ImageError('url', `${shown(from)} redirects to something that is no URL`)
  next.hash = ''
  return parseUrl(next.href)
}

/** Headers come byte by byte; servers write other scripts in UTF-8. */
function asUtf8(header: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'))
  } catch {
    return header
  }
}

function withoutContent(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of ['content-encoding', 'content-language', 'content-location', 'content-type'])
    kept.delete(name)
  return kept
}

function withoutSecrets(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of ['authorization', 'cookie', 'proxy-authorization']) kept.delete(name)
  return kept
}

function refused(message: string): ImageError {
  return new ImageError('redirect', message)
}
