import { ClosedError, StoreError } from '../errors.ts'

/** What was asked of which server of which sharded store. */
export interface ServerOperation {
  readonly server: string
  readonly store: string
  readonly operation: string
}

/** A failure of one server, told as what it is for the whole store: some of its keys. */
export function toldOfServer(
  error: unknown,
  { server, store, operation }: ServerOperation,
  partial: boolean,
): unknown {
  if (error instanceof ClosedError) return error
  const inner = error instanceof StoreError ? error : undefined
  const why = inner === undefined ? '' : `: ${inner.message}`
  return new StoreError(
    `${operation} on the server '${server}' of the store '${store}' failed${why}`,
    {
      kind: inner?.kind ?? 'unknown',
      store,
      operation,
      retryable: inner?.retryable ?? false,
      cause: error,
      partial,
    },
  )
}

export function answerLate({ store, operation }: ServerOperation, timeoutMs: number): StoreError {
  return new StoreError(`no answer within the ${timeoutMs} ms of \`timeout\``, {
    kind: 'timeout',
    store,
    operation,
  })
}

export function serverAway(
  { server, store, operation }: ServerOperation,
  partial: boolean,
): StoreError {
  return new StoreError(
    `the server '${server}' of the store '${store}' does not answer at present; it is probed until it does, and onFailure says what becomes of its keys`,
    { kind: 'unavailable', store, operation, partial },
  )
}

export function closedMeanwhile({ store, operation }: ServerOperation): ClosedError {
  return new ClosedError(`${operation} on the store '${store}', which has been closed`)
}
