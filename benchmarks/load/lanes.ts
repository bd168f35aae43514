/**
 * Calls one after the other in each of so many lanes, for so long; answers how many there were. `apart`: each call
 * begins in an event-loop callback of its own, as requests on separate sockets do. That the time is over is told by a
 * timer: to read the clock with each call would be part of what is measured. So each call has to wait for a server.
 */
async function runLanes(
  call: () => Promise<unknown>,
  inFlight: number,
  apart: boolean,
  forMs: number,
): Promise<number> {
  let isOver = false
  setTimeout(() => {
    isOver = true
  }, forMs)
  let calls = 0
  const together = async () => {
    while (!isOver) {
      calls++
      await call()
    }
  }
  const inOwnCallback = () =>
    new Promise<void>((done, failed) => {
      const one = () => {
        if (isOver) {
          done()
          return
        }
        calls++
        call().then(() => setImmediate(one), failed)
      }
      setImmediate(one)
    })
  await Promise.all(Array.from({ length: inFlight }, apart ? inOwnCallback : together))
  return calls
}

export interface Timed {
  readonly calls: number
  readonly tookMs: number
  /** CPU time of this process for all of them, in microseconds. */
  readonly cpuUs: number
}

/** The same, once to warm up and once to be measured. */
export async function timeLanes(
  call: () => Promise<unknown>,
  inFlight: number,
  apart: boolean,
  warmUpMs: number,
  forMs: number,
): Promise<Timed> {
  await runLanes(call, inFlight, apart, warmUpMs)
  const cpuBefore = process.cpuUsage()
  const since = performance.now()
  const calls = await runLanes(call, inFlight, apart, forMs)
  const tookMs = performance.now() - since
  const { user, system } = process.cpuUsage(cpuBefore)
  return { calls, tookMs, cpuUs: user + system }
}
