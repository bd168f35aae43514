import type { RedisClient } from './redis-client.ts'
import { refusalCode } from './redis-errors.ts'

/** Notices that another server than before takes the writes, or that the same one has started again. */
export class PrimaryWatch {
  readonly #listeners = new Set<() => void>()
  #last: string | undefined

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Looks who it is that is spoken to now, before anything is read of it. What cannot be told is no change. */
  async look(client: RedisClient, at = ''): Promise<void> {
    const run = await runOf(client)
    const seen = `${at}#${run ?? ''}`
    const before = this.#last
    if (run !== undefined || at !== '') this.#last = seen
    if (before === undefined || this.#last === before) return
    for (const listener of this.#listeners) listener()
  }
}

/** A random word that a server draws at its start; `undefined` where it does not say. */
async function runOf(client: RedisClient): Promise<string | undefined> {
  try {
    const info = String(await client.callBuffer('INFO', ['server']))
    return /^run_id:(\w+)/m.exec(info)?.[1]
  } catch (error) {
    if (refusalCode(error) === undefined) throw error
    return undefined
  }
}
