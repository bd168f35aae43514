/**
 * Calls one after the other in each of so many lanes, for so long; answers how many there were. `apart`: each call
 * begins in an event-loop callback of its own, as requests on separate sockets do.
 */
export async function runLanes(
  call: () => Promise<unknown>,
  inFlight: number,
  apart: boolean,
  forMs: number,
): Promise<number> {
  const endsAt = performance.now() + forMs
  let calls = 0
  const together = async () => {
    while (performance.now() < endsAt) {
      calls++
      await call()
    }
  }
  const inOwnCallback = () =>
    new Promise<void>((done, failed) => {
      const one = () => {
        if (performance.now() >= endsAt) {
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
