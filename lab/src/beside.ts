/**
 * Does something beside a story until it is told to stop. What goes wrong in it is told by stopping; when the story
 * failed first, and its servers went with it, nobody asks.
 */
export function beside(work: (isOn: () => boolean) => Promise<unknown>): () => Promise<void> {
  let on = true
  const done = work(() => on)
  done.catch(() => {})
  return async () => {
    on = false
    await done
  }
}
