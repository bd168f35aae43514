import { type Clock, keepAlive, systemClock } from '../clock.ts'

/** Resolves after `ms`. It keeps no process alive where the timers of `clock` do not. */
export const sleep = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimeout(resolve, ms)
  })

/**
 * The machine's time for what goes on in the background of a store: retries, probes, measurements. By themselves its
 * timers keep no process alive; `keepAlive` makes one do so while somebody waits for it.
 */
export const backgroundClock: Clock = {
  ...systemClock,
  setTimeout(callback, ms) {
    const timer = systemClock.setTimeout(callback, ms)
    keepAlive(timer, false)
    return timer
  },
}
