import { isCacheError, StoreError, type StoreErrorKind } from '../errors.ts'

/** Of what the server has, nothing may pass by itself: asking again later would be no help. */
const permanent: ReadonlySet<StoreErrorKind> = new Set(['too-large', 'invalid-key'])

/**
 * A session that could not be read, or a change of one that could not be kept. It carries what frameworks look for in
 * an error, so that one which nobody handles is answered with 503 and `Retry-After`, never with a new session.
 */
export class SessionError extends StoreError {
  /** 503; 500 for a session that the store will never take. */
  readonly status: number
  readonly statusCode: number
  /** `Retry-After`, in seconds, where waiting may help. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    message: string,
    details: {
      readonly kind: StoreErrorKind
      readonly store: string
      readonly operation: string
      readonly retryAfterS: number
      readonly cause?: unknown
    },
  ) {
    const { retryAfterS, ...rest } = details
    super(message, rest)
    const passes = !permanent.has(details.kind)
    this.status = passes ? 503 : 500
    this.statusCode = this.status
    this.headers = passes ? { 'Retry-After': String(retryAfterS) } : {}
  }
}

/**
 * The failure of a store as one of a session. What is no error of Holdfast may quote what it was working on, so only
 * its name is kept.
 */
export function sessionError(
  error: unknown,
  operation: string,
  store: string,
  retryAfterS: number,
): SessionError {
  if (error instanceof SessionError) return error
  const known = error instanceof StoreError
  const kind = known ? error.kind : isClosed(error) ? 'closed' : 'unknown'
  const reason = isCacheError(error)
    ? error.message
    : `the store '${store}' failed with ${error instanceof Error ? error.name : `a thrown ${typeof error}`}`
  return new SessionError(`a session could not be ${done[operation] ?? operation}: ${reason}`, {
    kind,
    store,
    operation,
    retryAfterS,
    ...(isCacheError(error) ? { cause: error } : {}),
  })
}

const isClosed = (error: unknown) =>
  isCacheError(error) && (error as { code: string }).code === 'ERR_HOLDFAST_CLOSED'

const done: Readonly<Record<string, string>> = {
  get: 'read',
  getMany: 'read',
  add: 'created',
  replace: 'saved',
  set: 'saved',
  delete: 'destroyed',
  touch: 'touched',
  list: 'listed',
}
