import type { Clock } from '@holdfast/core'
import { ImageError } from '../image-error.ts'
import type { Agents } from './agents.ts'
import { answerBody } from './answer-body.ts'
import { type Deadline, startDeadline } from './deadline.ts'
import { type Arrival, travel } from './hops.ts'
import type { GuardSettings } from './settings.ts'
import { admitUrl, parseUrl } from './url-rules.ts'

export interface FetchUnder {
  readonly settings: GuardSettings
  readonly agents: Agents
  readonly clock: Clock
}

/** What these statuses stand for has no body (Fetch, "null body status"). */
const bodiless = new Set([101, 103, 204, 205, 304])

/**
 * `fetch` as the Fetch standard has it, under settings. What it does not know: `cache`, `credentials`, `integrity`,
 * `keepalive`, `mode` and `referrer`, which speak of browsers. A body to be sent is read whole before it is sent.
 */
export function fetchOver(under: FetchUnder): typeof fetch {
  // Async, so that everything refused is a rejection.
  return async (input, init) => {
    const text = input instanceof URL || typeof input === 'string' ? String(input) : input?.url
    // Judged before Request looks at it: that would refuse with a TypeError what has a reason here.
    const url = parseUrl(text)
    admitUrl(url, under.settings)
    const request = new Request(input instanceof URL ? url.href : input, init)
    const deadline = startDeadline(under.settings.limits.deadlineMs, under.clock, request.signal)
    try {
      return await deadline.race(answerTo(request, url, under, deadline))
    } catch (error) {
      deadline.clear()
      throw error
    }
  }
}

async function answerTo(
  request: Request,
  url: URL,
  under: FetchUnder,
  deadline: Deadline,
): Promise<Response> {
  const headers = new Headers(request.headers)
  headers.set('accept-encoding', 'identity')
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
  const arrival = await travel(
    { url, method: request.method, headers, body, signal: deadline.signal },
    under.settings,
    under.agents,
    request.redirect !== 'manual' && request.redirect !== 'error',
  )
  if (request.redirect === 'error' && isRedirect(arrival)) {
    arrival.answer.message.destroy()
    throw new ImageError('redirect', 'expected no redirect, as init.redirect says')
  }
  return asResponse(arrival, request.method, under, deadline)
}

function isRedirect({ answer }: Arrival): boolean {
  return [301, 302, 303, 307, 308].includes(answer.status) && answer.headers.has('location')
}

function asResponse(
  arrival: Arrival,
  method: string,
  under: FetchUnder,
  deadline: Deadline,
): Response {
  const { answer } = arrival
  if (answer.status < 200 || answer.status > 599) {
    answer.message.destroy()
    throw new ImageError('status', `expected a final HTTP status, not ${answer.status}`, {
      upstreamStatus: answer.status,
    })
  }
  const headers = new Headers(answer.headers)
  const hasBody = method !== 'HEAD' && !bodiless.has(answer.status)
  let body: ReadableStream<Uint8Array> | null = null
  if (hasBody) {
    const chunks = answerBody(answer, under.settings.limits.bytes, deadline.signal)
    body = asStream(chunks, answer.message, deadline)
    // The bytes handed out are decoded: what described the others is gone.
    if (headers.has('content-encoding')) {
      headers.delete('content-encoding')
      headers.delete('content-length')
    }
  } else {
    answer.message.resume()
    deadline.clear()
  }
  const { status, statusText } = answer
  // A reason phrase with bytes that no Response may hold is left out.
  const phrase = /^[\t\x20-\x7e]*$/.test(statusText) ? statusText : ''
  const response = new Response(body as ConstructorParameters<typeof Response>[0], {
    status,
    statusText: phrase,
    headers,
  })
  Object.defineProperty(response, 'url', { value: arrival.url.href })
  Object.defineProperty(response, 'redirected', { value: arrival.hops.length > 0 })
  return response
}

function asStream(
  chunks: AsyncGenerator<Uint8Array, void>,
  message: { destroy(): unknown },
  deadline: Deadline,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Whoever does not read learns of the end all the same.
        deadline.signal.addEventListener('abort', () => controller.error(deadline.signal.reason))
      },
      async pull(controller) {
        try {
          const next = await chunks.next()
          if (!next.done) return controller.enqueue(next.value)
          deadline.clear()
          controller.close()
        } catch (error) {
          deadline.clear()
          controller.error(error)
        }
      },
      async cancel() {
        deadline.clear()
        message.destroy()
        await chunks.return()
      },
    },
    { highWaterMark: 0 },
  )
}
