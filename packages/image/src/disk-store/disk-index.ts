import type { FileFacts } from './disk-folder.ts'

/** What this process knows of a file. */
export interface Indexed extends FileFacts {
  /** `undefined`: its head has not been read yet. */
  readonly expiresAt: number | undefined
  /** The index's count when it was last put here: what is older than a scan and was not seen by it is gone. */
  readonly seq: number
}

/**
 * Which files there are, how large they are, and which has been unused longest. It is a memory of the folder and not
 * the truth: other processes write and remove, so a file that is not in it may exist, and one that is may not.
 */
export class DiskIndex {
  /** A Map keeps the order of insertion, and every use inserts again: its first entry is the one unused longest. */
  #files = new Map<string, Indexed>()
  #bytes = 0
  #seq = 0
  /** What went while the folder is being scanned: the scan may have seen it before. */
  #gone: Set<string> | undefined

  get entries(): number {
    return this.#files.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(name: string): Indexed | undefined {
    return this.#files.get(name)
  }

  /** Puts a file behind all others: it has just been used. */
  put(name: string, facts: FileFacts & { readonly expiresAt: number | undefined }): void {
    this.#forget(name)
    this.#gone?.delete(name)
    const { bytes, usedAt, expiresAt } = facts
    this.#files.set(name, { bytes, usedAt, expiresAt, seq: ++this.#seq })
    this.#bytes += bytes
  }

  /** A file is gone. */
  drop(name: string): void {
    this.#forget(name)
    this.#gone?.add(name)
  }

  #forget(name: string): void {
    const known = this.#files.get(name)
    if (known === undefined) return
    this.#files.delete(name)
    this.#bytes -= known.bytes
  }

  /** Names from the one unused longest. Entries may be dropped and put while they are walked. */
  names(): IterableIterator<string> {
    return this.#files.keys()
  }

  /** A scan of the folder begins; `rebuild` ends it, and wants the answer. */
  beginScan(): number {
    this.#gone = new Set()
    return this.#seq
  }

  /** The scan came to nothing. */
  endScan(): void {
    this.#gone = undefined
  }

  /**
   * What a scan saw and is still there, in the order of use, and behind it what was used here since the scan began at
   * `since`.
   */
  rebuild(scanned: readonly (FileFacts & { readonly name: string })[], since: number): void {
    const before = this.#files
    const gone = this.#gone
    this.endScan()
    const byUse = [...scanned].sort((a, b) => a.usedAt - b.usedAt)
    this.#files = new Map()
    this.#bytes = 0
    for (const { name, bytes, usedAt } of byUse) {
      const known = before.get(name)
      if ((known !== undefined && known.seq > since) || gone?.has(name)) continue
      this.#add(name, { bytes, usedAt, expiresAt: known?.expiresAt, seq: known?.seq ?? 0 })
    }
    for (const [name, known] of before) if (known.seq > since) this.#add(name, known)
  }

  #add(name: string, file: Indexed): void {
    this.#files.set(name, file)
    this.#bytes += file.bytes
  }
}
