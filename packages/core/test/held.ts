/** A loader whose runs stay open until the test ends them, each on its own. */
export interface Held<V> {
  readonly load: () => Promise<V>
  /** One for each run, in their order. */
  readonly runs: { resolve(value: V): void; reject(error: unknown): void }[]
}

export function held<V>(): Held<V> {
  const runs: Held<V>['runs'] = []
  return {
    runs,
    load: () => new Promise<V>((resolve, reject) => runs.push({ resolve, reject })),
  }
}

const nextTurn = globalThis.setImmediate

/** Lets all promise chains run until they rest. */
export function turn(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve))
}

/** How a promise stands right now, without waiting for it to change. */
export async function stateOf(
  promise: Promise<unknown>,
): Promise<'pending' | 'resolved' | 'rejected'> {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending'
  promise.then(
    () => {
      state = 'resolved'
    },
    () => {
      state = 'rejected'
    },
  )
  await turn()
  return state
}
