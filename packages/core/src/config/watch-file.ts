import { watch } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { keepAlive, systemClock } from '../clock.ts'

/** Editors write a file in several steps; what they leave half done is not looked at. */
const settleMs = 100

/**
 * Calls `look` after a file may have changed: when its folder says so, since files are replaced and not only written,
 * and every `pollMs`, since not every file system says. It keeps no process alive. The answer ends it.
 */
export function watchFile(
  file: string | undefined,
  pollMs: number,
  look: () => Promise<unknown>,
): () => void {
  let timer: unknown
  let isOver = false
  let isLooking = false
  let isAskedAgain = false
  const wait = (ms: number) => {
    systemClock.clearTimeout(timer)
    if (isOver) return
    timer = systemClock.setTimeout(() => {
      isLooking = true
      void look().finally(() => {
        isLooking = false
        wait(isAskedAgain ? settleMs : pollMs)
        isAskedAgain = false
      })
    }, ms)
    keepAlive(timer, false)
  }
  const ask = () => {
    if (isLooking) isAskedAgain = true
    else wait(settleMs)
  }
  wait(pollMs)
  const watcher = file === undefined ? undefined : watching(dirname(resolve(file)), ask)
  return () => {
    isOver = true
    systemClock.clearTimeout(timer)
    watcher?.close()
  }
}

function watching(directory: string, changed: () => void) {
  try {
    const watcher = watch(directory, { persistent: false }, changed)
    // Polling goes on without it.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
