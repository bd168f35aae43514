import type { Clock, TimerHandle } from '@holdfast/core'

/** The only file of this package that reads time or chance, and waits. By themselves its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  setTimeout: (callback, ms) => setTimeout(callback, Math.min(ms, 0x7fff_ffff)).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

/** A process waits for a timer that somebody waits for. The timers of a fake clock do not know the question. */
export function keepAlive(timer: TimerHandle, alive: boolean): void {
  const node = timer as { ref?: () => void; unref?: () => void } | undefined
  if (alive) node?.ref?.()
  else node?.unref?.()
}

/** Runs once every callback that this turn of the event loop still has, has run. */
export const atEndOfTurn: (callback: () => void) => void = (callback) => {
  setImmediate(callback)
}
