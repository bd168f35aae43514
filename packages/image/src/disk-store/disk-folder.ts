import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, rename, rmdir, unlink, utimes } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { codeOf } from './disk-errors.ts'
import { readWholeFile } from './read-file.ts'

/** The name of an entry: a SHA-256 in hexadecimal. Whatever else lies in the folder is somebody else's and stays. */
const entryName = /^[0-9a-f]{64}$/
const folderName = /^[0-9a-f]{2}$/
const temporaryName = /^\.tmp-[0-9a-f]{16}$/

/** Of a write whose folder is taken away by others: each try finds it gone once in a while. */
const mostTries = 16

const noFollow = constants.O_NOFOLLOW ?? 0
const creating = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow

/** A file under the name of an entry that is none: a link, a folder, a device, or one too large to be ours. */
export const foreign = Symbol('foreign')

export interface FileFacts {
  readonly bytes: number
  /** When it was last used, to the minute: every process that uses an entry moves it on. */
  readonly usedAt: number
}

/** The files of a disk store: where they lie, and how they are read and written so that no reader sees half of one. */
export class DiskFolder {
  readonly #root: string
  /** Folders that were seen to be folders, and not links to elsewhere: at most 65,536. */
  readonly #plain = new Set<string>()

  constructor(root: string) {
    this.#root = root
  }

  // Put together by hand: `join` normalizes, which takes longer than the rest of a small read, and the root is resolved.
  #folderOf(name: string): string {
    return `${this.#root}${sep}${name.slice(0, 2)}${sep}${name.slice(2, 4)}`
  }

  #pathOf(name: string): string {
    return `${this.#folderOf(name)}${sep}${name}`
  }

  /** The whole file, by what is known of it. `undefined`: there is none. */
  async read(
    name: string,
    known: FileFacts | undefined,
    mostBytes: number,
  ): Promise<(FileFacts & { readonly file: Buffer }) | typeof foreign | undefined> {
    try {
      // Awaited only where it has to be found out: each pause costs a turn.
      if (!this.#plain.has(name.slice(0, 4)) && !(await this.#isPlain(name))) return foreign
      const found = await readWholeFile(this.#pathOf(name), known?.bytes, mostBytes)
      if (found === undefined) return foreign
      const { bytes: file, stat } = found
      const usedAt = stat?.mtimeMs ?? known?.usedAt ?? 0
      return { file, bytes: file.length, usedAt }
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      if (code === 'ELOOP' || code === 'EISDIR' || code === 'ENXIO') return foreign
      throw error
    }
  }

  /** In one step for every reader: a temporary file in the same folder, then a rename over the entry. */
  async write(name: string, file: Uint8Array): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#write(name, file)
      } catch (error) {
        // Another process whose clock is far ahead took the temporary file for one that was left, or cleared the folder.
        if (codeOf(error) !== 'ENOENT' || tries === mostTries) throw error
      }
    }
  }

  async #write(name: string, file: Uint8Array): Promise<void> {
    const temporary = join(this.#folderOf(name), `.tmp-${randomBytes(8).toString('hex')}`)
    const handle = await this.#create(name, temporary)
    try {
      try {
        await handle.writeFile(file)
      } finally {
        await handle.close()
      }
      await rename(temporary, this.#pathOf(name))
    } catch (error) {
      await unlink(temporary).catch(() => undefined)
      throw error
    }
  }

  async #create(name: string, temporary: string) {
    try {
      if (this.#plain.has(name.slice(0, 4))) return await open(temporary, creating, 0o600)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      // Somebody cleared the folder away.
      this.#plain.delete(name.slice(0, 4))
    }
    await this.#makeFolders(name)
    return open(temporary, creating, 0o600)
  }

  async #makeFolders(name: string): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    const first = join(this.#root, name.slice(0, 2))
    for (const folder of [first, this.#folderOf(name)]) {
      for (let tries = 0; tries < 2; tries++) {
        await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
          if (codeOf(error) !== 'EEXIST') throw error
        })
        const stat = await lstat(folder)
        if (stat.isDirectory()) break
        // A link or a file in the place of a folder of ours: following it would write somewhere else.
        await unlink(folder)
      }
    }
    this.#plain.add(name.slice(0, 4))
  }

  /** Whether the two folders above an entry are folders. Rejects with ENOENT where there are none. */
  async #isPlain(name: string): Promise<boolean> {
    const short = name.slice(0, 4)
    if (this.#plain.has(short)) return true
    const first = await lstat(join(this.#root, name.slice(0, 2)))
    if (!first.isDirectory()) return false
    const second = await lstat(this.#folderOf(name))
    if (!second.isDirectory()) return false
    this.#plain.add(short)
    return true
  }

  /** True if there was something to remove. */
  async remove(name: string): Promise<boolean> {
    try {
      if (!(await this.#isPlain(name))) return false
      await unlink(this.#pathOf(name))
      await this.#removeEmpty(name)
      return true
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return false
      // A folder under the name of an entry: it goes if nobody keeps anything in it.
      if (code === 'EISDIR' || code === 'EPERM') {
        return rmdir(this.#pathOf(name)).then(
          () => true,
          () => false,
        )
      }
      throw error
    }
  }

  /**
   * Takes the folder away that an entry was the last one in: 65,536 empty ones may take more room than all entries. It
   * stays where something is in it, a file that is being written too; who finds it gone makes it again.
   */
  async #removeEmpty(name: string): Promise<void> {
    try {
      await rmdir(this.#folderOf(name))
      this.#plain.delete(name.slice(0, 4))
    } catch {
      // Not empty, or gone already.
    }
  }

  /** Tells the other processes on this folder that an entry is in use. */
  async markUsed(name: string, now: number): Promise<void> {
    await utimes(this.#pathOf(name), now / 1_000, now / 1_000).catch(() => undefined)
  }

  /** What is known of an entry without opening it. */
  async facts(name: string): Promise<FileFacts | undefined> {
    const stat = await lstat(this.#pathOf(name)).catch(() => undefined)
    return stat?.isFile() ? { bytes: stat.size, usedAt: stat.mtimeMs } : undefined
  }

  /**
   * Every entry, by stat alone: no file is opened, so nothing that lies there can do harm. Temporary files older than
   * `leftBefore` were left behind by a process that died, and go.
   */
  async *scan(leftBefore: number): AsyncGenerator<FileFacts & { readonly name: string }> {
    for (const first of await foldersIn(this.#root)) {
      for (const second of await foldersIn(join(this.#root, first))) {
        const folder = join(this.#root, first, second)
        const names = await filesIn(folder)
        if (names.length === 0) await this.#removeEmpty(first + second)
        for (const name of names) {
          const isEntry = entryName.test(name) && name.startsWith(first + second)
          if (!isEntry && !temporaryName.test(name)) continue
          const stat = await lstat(join(folder, name)).catch(() => undefined)
          if (stat === undefined || !stat.isFile()) continue
          if (isEntry) yield { name, bytes: stat.size, usedAt: stat.mtimeMs }
          else if (stat.mtimeMs < leftBefore)
            await unlink(join(folder, name)).catch(() => undefined)
        }
      }
    }
  }
}

const listing = (folder: string) => readdir(folder, { withFileTypes: true }).catch(() => [])

/** Folders alone: a link to a folder is none. */
const foldersIn = async (folder: string) =>
  (await listing(folder))
    .filter((found) => found.isDirectory() && folderName.test(found.name))
    .map(({ name }) => name)

const filesIn = async (folder: string) =>
  (await listing(folder)).filter((found) => found.isFile()).map(({ name }) => name)
