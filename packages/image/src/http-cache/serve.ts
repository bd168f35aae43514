import { requestedRange } from './byte-range.ts'
import { type CacheStatus, cacheStatus } from './cache-status.ts'
import { type FieldList, fieldsOf } from './fields.ts'
import { currentAge } from './freshness.ts'
import type { HttpRequest } from './http-request.ts'
import { type KeptResponse, policyView } from './kept-response.ts'
import { isConditional, isNotModified } from './validators.ts'

/** Statuses whose responses have no body, for `Response` refuses one. */
const bodiless = new Set([101, 103, 204, 205, 304])

/** Of a 304: what tells of the content, which the client has already (RFC 9110, 15.4.5). */
const ofTheContent = new Set([
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
])

export interface Serving {
  readonly request: HttpRequest
  readonly now: number
  /** The name in `Cache-Status`; `undefined`: the field is not sent. */
  readonly statusName: string | undefined
  readonly status: CacheStatus
}

/** A kept response as the answer to a request: whole, a part, only that it has not changed, or without its body. */
export function serveKept(kept: KeptResponse, serving: Serving): Response {
  const { request, now } = serving
  const view = policyView(kept)
  const age = Math.floor(currentAge(view, now) / 1_000)
  const fields: FieldList = [
    ...kept.fields.filter(([name]) => name !== 'age'),
    ['age', String(age)],
  ]
  return answerWith(kept, fields, serving, request)
}

/** A response that has just come for this very request: as it came, its cookies included. */
export function serveFresh(kept: KeptResponse, fields: FieldList, serving: Serving): Response {
  return answerWith(kept, fields, serving, serving.request)
}

function answerWith(
  kept: KeptResponse,
  fields: FieldList,
  serving: Serving,
  request: HttpRequest,
): Response {
  const known = fieldsOf(kept.fields)
  if (kept.status === 200 && isConditional(request.headers)) {
    if (isNotModified(request.headers, known, kept.receivedAt)) {
      const slim = fields.filter(([name]) => !ofTheContent.has(name))
      return respond(304, 'Not Modified', slim, null, serving)
    }
  }
  // Parts of what was decoded on its way would not be parts of what the origin's tag stands for.
  const isPartable =
    kept.status === 200 && !known.has('content-encoding') && request.method === 'GET'
  const range = isPartable
    ? requestedRange(request.headers, known, kept.body.byteLength)
    : { kind: 'all' as const }
  if (range.kind === 'unsatisfiable') {
    const slim = fields.filter(([name]) => !ofTheContent.has(name))
    const size: FieldList = [...slim, ['content-range', `bytes */${kept.body.byteLength}`]]
    return respond(416, 'Range Not Satisfiable', size, null, serving)
  }
  if (range.kind === 'part') {
    const part = kept.body.subarray(range.first, range.last + 1)
    const rest = fields.filter(([name]) => name !== 'content-length' && name !== 'content-range')
    const where = `bytes ${range.first}-${range.last}/${kept.body.byteLength}`
    const sized: FieldList = [
      ...rest,
      ['content-range', where],
      ['content-length', String(part.byteLength)],
    ]
    return respond(206, 'Partial Content', sized, part, serving)
  }
  const body = request.method === 'HEAD' ? null : kept.body
  return respond(kept.status, kept.statusText, fields, body, serving)
}

/** An answer that passes through: its body is not kept here, and may be read only once. */
export function servePassing(
  response: Response,
  body: ReadableStream<Uint8Array> | null,
  serving: Serving,
): Response {
  // No `Response` can be made with such a status; the one that came has it.
  if (response.status < 200 || response.status > 599) return response
  const content = serving.request.method === 'HEAD' ? null : body
  return respond(response.status, response.statusText, [...response.headers], content, serving)
}

/** What a cache says that has nothing and may not ask (RFC 9111, 5.2.1.7). */
export function serveNothing(serving: Serving): Response {
  return respond(504, 'Gateway Timeout', [], null, serving)
}

function respond(
  status: number,
  statusText: string,
  fields: FieldList,
  body: Uint8Array | ReadableStream<Uint8Array> | null,
  serving: Serving,
): Response {
  const headers = new Headers()
  for (const [name, value] of fields) headers.append(name, value)
  if (serving.statusName !== undefined) {
    headers.append('cache-status', cacheStatus(serving.statusName, serving.status))
  }
  const response = new Response(bodiless.has(status) ? null : body, { status, statusText, headers })
  // A made response has no URL; code that looks at it expects the one that answered.
  Object.defineProperty(response, 'url', { value: serving.request.url })
  Object.defineProperty(response, 'redirected', { value: serving.request.isRedirected })
  return response
}
