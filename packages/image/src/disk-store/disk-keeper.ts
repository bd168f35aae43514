import type { Clock } from '@holdfast/core'
import type { DiskFolder, FileFacts } from './disk-folder.ts'
import { DiskIndex } from './disk-index.ts'
import { headBytes } from './entry-file.ts'

/** A temporary file this old was left behind by a process that died. */
const leftAfterMs = 3_600_000
/** How exactly other processes learn that an entry is in use. */
const usedStepMs = 60_000
/** Down to this share of a bound: evicting one file per write would be a search per write. */
const evictTo = 0.9
/** The folder is read again after this share of a bound has been written here: others may have written as much. */
const rescanShare = 1 / 16

export interface DiskBounds {
  readonly maxBytes: number
  readonly maxEntries: number
}

/** Keeps the folder within its bounds, together with every other process that does the same. */
export class DiskKeeper {
  readonly index = new DiskIndex()
  evictions = 0
  readonly #folder: DiskFolder
  readonly #clock: Clock
  readonly #bounds: DiskBounds
  readonly #noteDamaged: () => void
  readonly #behind = new Set<Promise<unknown>>()
  #scanning: Promise<void> | undefined
  #evicting: Promise<void> | undefined
  #scannedAt = 0
  #bytesWritten = 0
  #entriesWritten = 0
  #isClosed = false

  constructor(folder: DiskFolder, clock: Clock, bounds: DiskBounds, noteDamaged: () => void) {
    this.#folder = folder
    this.#clock = clock
    this.#bounds = bounds
    this.#noteDamaged = noteDamaged
  }

  /** An entry has been read. */
  used(name: string, facts: FileFacts, expiresAt: number): void {
    const now = this.#clock.now()
    const isDue = now - facts.usedAt >= usedStepMs
    this.index.put(name, { bytes: facts.bytes, usedAt: isDue ? now : facts.usedAt, expiresAt })
    if (isDue) this.#run(this.#folder.markUsed(name, now))
  }

  wrote(name: string, bytes: number, expiresAt: number): void {
    this.index.put(name, { bytes, usedAt: this.#clock.now(), expiresAt })
    this.#bytesWritten += bytes
    this.#entriesWritten++
  }

  async remove(name: string): Promise<void> {
    this.index.drop(name)
    await this.#folder.remove(name)
  }

  /** Evicts if a bound has been passed, and now and then finds out what others wrote. */
  async keepBounds(): Promise<void> {
    if (this.#isOver(1)) await this.#evict()
    const isDue =
      this.#bytesWritten > this.#bounds.maxBytes * rescanShare ||
      this.#entriesWritten > Math.max(64, this.#bounds.maxEntries * rescanShare) ||
      this.#clock.now() - this.#scannedAt > leftAfterMs
    if (isDue && this.#scanning === undefined) this.#run(this.scan())
  }

  #isOver(share: number, extraBytes = 0): boolean {
    const { maxBytes, maxEntries } = this.#bounds
    return (
      this.index.bytes + extraBytes > maxBytes * share || this.index.entries > maxEntries * share
    )
  }

  /** One eviction at a time; whoever comes meanwhile waits for it. */
  #evict(): Promise<void> {
    this.#evicting ??= this.#evictUntil(() => !this.#isOver(evictTo)).finally(() => {
      this.#evicting = undefined
    })
    return this.#evicting
  }

  /** The disk is full although the bounds are kept: gives back what a new file needs, and a tenth on top. */
  async makeRoom(bytes: number): Promise<void> {
    const target = Math.min(this.index.bytes * evictTo, this.index.bytes - bytes)
    await this.#evictUntil(() => this.index.bytes <= target)
  }

  async #evictUntil(isEnough: () => boolean): Promise<void> {
    const now = this.#clock.now()
    for (const name of [...this.index.names()]) {
      if (isEnough() || this.#isClosed) return
      const known = this.index.get(name)
      if (known === undefined) continue
      const facts = await this.#folder.facts(name)
      // Used by another process since it was last looked at here: it is not the oldest after all.
      if (facts !== undefined && facts.usedAt > known.usedAt + usedStepMs && facts.usedAt <= now) {
        this.index.put(name, { ...facts, expiresAt: known.expiresAt })
        continue
      }
      // What has been used or written meanwhile is put behind the others and is not this file any more.
      if (this.index.get(name) !== known) continue
      this.index.drop(name)
      if (await this.#folder.remove(name)) this.evictions++
    }
  }

  /** Reads the folder's listing; joined while it is under way. It never rejects: a folder that cannot be read is empty. */
  scan(): Promise<void> {
    // What cannot be removed now fails whoever writes, and is tried again by the next scan.
    const done = () => {
      this.#scanning = undefined
      this.index.endScan()
    }
    this.#scanning ??= this.#scan().then(done, done)
    return this.#scanning
  }

  async #scan(): Promise<void> {
    const since = this.index.beginScan()
    this.#scannedAt = this.#clock.now()
    this.#bytesWritten = 0
    this.#entriesWritten = 0
    const found: (FileFacts & { readonly name: string })[] = []
    for await (const file of this.#folder.scan(this.#scannedAt - leftAfterMs)) {
      if (this.#isClosed) return
      if (file.bytes > headBytes) {
        found.push(file)
        continue
      }
      // Too short to hold anything: the trace of a crash, and a miss whoever asks for it.
      this.#noteDamaged()
      await this.#folder.remove(file.name)
    }
    this.index.rebuild(found, since)
    if (this.#isOver(1)) await this.#evict()
  }

  #run(work: Promise<unknown>): void {
    const done = () => void this.#behind.delete(tracked)
    const tracked: Promise<unknown> = work.then(done, done)
    this.#behind.add(tracked)
  }

  /** When everything behind the callers is done. */
  async settled(): Promise<void> {
    await this.#scanning
    await Promise.all(this.#behind)
    await this.#evicting
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.settled()
  }
}
