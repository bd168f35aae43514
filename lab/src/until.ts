/**
 * Waits until `holds` does, and fails with `what` when it does not in time; a function says at the end what was seen
 * instead.
 */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  withinMs = 15_000,
): Promise<void> {
  const deadlineAt = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadlineAt) {
      throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
