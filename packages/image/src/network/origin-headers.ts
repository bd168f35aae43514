import { validateHeaderName, validateHeaderValue } from 'node:http'
import { InvalidOptionError } from '@holdfast/core'
import { ImageError } from '../image-error.ts'
import type { OriginHeaders } from './options.ts'

export type HeaderSource = OriginHeaders | (() => OriginHeaders | Promise<OriginHeaders>)

/** The transport's own, and those that would change what the answer means. */
const reserved = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'range',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
])

/** What is wrong with request headers, without showing a value; `undefined` where nothing is. */
function headersFault(headers: unknown): string | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    return 'not an object of header names and values'
  for (const [name, value] of Object.entries(headers)) {
    const shownName = JSON.stringify(name.slice(0, 40))
    try {
      validateHeaderName(name)
    } catch {
      return `with ${shownName}, which is no header name`
    }
    if (reserved.has(name.toLowerCase()))
      return `with ${shownName}, which the transport sets itself`
    try {
      if (typeof value !== 'string') throw new TypeError()
      validateHeaderValue(name, value)
    } catch {
      return `with a value for ${shownName} that is no header value`
    }
  }
  return undefined
}

/** @throws InvalidOptionError unless they are headers or a function */
export function readHeaders(value: unknown, path: string): HeaderSource {
  if (typeof value === 'function') return value as HeaderSource
  const fault = headersFault(value)
  if (fault === undefined) return Object.freeze({ ...(value as OriginHeaders) })
  throw new InvalidOptionError(
    `${path} must be an object of request headers, or a function that gives one; it was ${fault}`,
  )
}

/** The headers of now. @throws ImageError `headers` where the function fails, with its error as the cause */
export async function currentHeaders(source: HeaderSource | undefined): Promise<OriginHeaders> {
  if (source === undefined) return {}
  if (typeof source !== 'function') return source
  let headers: OriginHeaders
  try {
    headers = await source()
  } catch (cause) {
    throw new ImageError('headers', 'the headers function of this origin failed', { cause })
  }
  const fault = headersFault(headers)
  if (fault === undefined) return headers
  throw new ImageError(
    'headers',
    `the headers function of this origin must give an object of request headers; it gave something ${fault}`,
    { retryable: false },
  )
}
