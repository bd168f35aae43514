import { SessionError } from './session-error.ts'

/** What a visitor gets whose session cannot be read or kept: never a page that pretends it was. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function refusalOf(error: unknown): Refusal {
  const known = error instanceof SessionError
  const status = known ? error.status : 500
  const body = status === 503 ? 'Service Unavailable\n' : 'Internal Server Error\n'
  return {
    status,
    headers: {
      'Cache-Control': 'no-store',
      // Said, since a response that failed half-way may remember the length of another body.
      'Content-Length': String(body.length),
      'Content-Type': 'text/plain; charset=utf-8',
      ...(known ? error.headers : {}),
    },
    body,
  }
}
