import type { Clock, TimerHandle } from '@holdfast/core'

/** The only place of this package that reads time or chance: the default where no clock is handed in. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  // A timer of more than 2^31-1 ms would fire at once in Node; nothing here needs to wake up that late.
  setTimeout: (callback, ms) => setTimeout(callback, Math.min(ms, 0x7fff_ffff)),
  clearTimeout: (timer: TimerHandle) => clearTimeout(timer as NodeJS.Timeout),
}
