import type { Clock } from '@holdfast/core'

/**
 * The only file of this package that reads time or chance, and waits. Its timers keep no process alive: what keeps one
 * alive is the connection, until the store is closed.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  setTimeout: (callback, ms) => setTimeout(callback, Math.min(ms, 0x7fff_ffff)).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

/** Runs once every callback that this turn of the event loop still has, has run. */
export const atEndOfTurn: (callback: () => void) => void = (callback) => {
  setImmediate(callback)
}

export const sleep = (clock: Clock, ms: number) =>
  new Promise<void>((resolve) => {
    clock.setTimeout(resolve, ms)
  })
