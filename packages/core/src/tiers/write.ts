/** What comes after a `set` that is on its way: another `set` of the key, or its deletion. */
export interface Overtaker {
  /** Ends when all of its call has ended; there from when the call was begun. */
  done: Promise<unknown> | undefined
  /** What the store was asked before is older, what it is asked after would undo it. */
  isSent: boolean
  overtakenBy: Overtaker | undefined
  /** A `set` that it overtook relies on it. */
  isAwaited: boolean
}

/** A `set` on its way. One that is overtaken by an invalidation or another `set` is not kept in the near tier. */
export interface Write extends Overtaker {
  /** Another process invalidated the key about the same time, before it or after: only the store knows. */
  doubtful: boolean
}

export const newWrite = (): Write => ({
  done: undefined,
  isSent: false,
  overtakenBy: undefined,
  isAwaited: false,
  doubtful: false,
})

/** A deletion goes to the store as it is called. */
export const newDeletion = (): Overtaker => ({
  done: undefined,
  isSent: true,
  overtakenBy: undefined,
  isAwaited: false,
})

/**
 * Which later one sees to the store in place of this `set`, that is about to be sent. It must not be sent after a later
 * one was. Before that it may, but two on their way at once could change places. So it yields, unless another one has
 * yielded to it: else, of a key that is set without a pause, nothing would ever be sent.
 */
export function successorOf(write: Write): Overtaker | undefined {
  const next = write.overtakenBy
  for (let later = next; later !== undefined; later = later.overtakenBy)
    if (later.isSent) return later
  return write.isAwaited ? undefined : next
}
