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

function serverAway({ server, store, operation }: ServerOperation, partial: boolean): StoreError {
  const error = new StoreError(
    `the server '${server}' of the store '${store}' does not answer at present; it is probed until it does, and onFailure says what becomes of its keys`,
    { kind: 'unavailable', store, operation, partial },
  )
  // Of many calls that get it, the stack would show the first.
  error.stack = `${error.name}: ${error.message}`
  return error
}

/**
 * What callers of a server that is out get: one error for all of an absence, not one for each key. An error with its
 * stack costs more than an answer, and would be paid for with the time of the other servers' callers.
 */
export class AbsenceErrors {
  readonly #partial = new Map<string, StoreError>()
  readonly #whole = new Map<string, StoreError>()

  /** @param partial others answer meanwhile. */
  of(asked: ServerOperation, partial: boolean): StoreError {
    const made = partial ? this.#partial : this.#whole
    let error = made.get(asked.operation)
    if (error === undefined) {
      error = serverAway(asked, partial)
      made.set(asked.operation, error)
    }
    return error
  }

  /** The next absence is another one. */
  forget(): void {
    this.#partial.clear()
    this.#whole.clear()
  }
}

export function closedMeanwhile({ store, operation }: ServerOperation): ClosedError {
  return new ClosedError(`${operation} on the store '${store}', which has been closed`)
}
