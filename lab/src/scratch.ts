import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * What has to go when this process ends, however a test ended: directories and child processes. Everything that the
 * lab starts registers here and leaves when it was stopped.
 */
const cleanups = new Set<() => void>()

process.on('exit', () => {
  for (const cleanup of cleanups) {
    try {
      cleanup()
    } catch {
      // The process is ending; the rest still has to be cleaned up.
    }
  }
})

/** These would end the process without an 'exit'. Whoever listens as well ends it in their own way. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal])
  })
}

/** Registers what to do at the end of the process; the answer takes it back. */
export function atExit(cleanup: () => void): () => void {
  cleanups.add(cleanup)
  return () => cleanups.delete(cleanup)
}

export interface Scratch {
  readonly path: string
  remove(): void
}

/** A directory of one test. Its path is short, because a unix socket's path may have no more than about 100 bytes. */
export function scratchDirectory(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'hf-'))
  const remove = () => rmSync(path, { recursive: true, force: true })
  const forget = atExit(remove)
  return {
    path,
    remove() {
      forget()
      remove()
    },
  }
}
