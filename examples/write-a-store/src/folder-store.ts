import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Store, StoreError } from '@holdfast/core'

/** A folder as a store: a file for each key, which begins with the instant at which it ends. */
export function folderStore(folder: string): Store {
  const fileOf = (key: string) => join(folder, createHash('sha256').update(key).digest('hex'))
  const typed = <T>(operation: string, answer: Promise<T>) =>
    answer.catch((cause) => {
      const details = { kind: 'unavailable', store: 'folder', operation, cause } as const
      throw new StoreError(`${operation} on the folder failed`, details)
    })

  async function get(key: string) {
    const file = await readFile(fileOf(key)).catch(undefinedIfAbsent)
    return file === undefined || file.readDoubleLE(0) <= Date.now() ? undefined : file.subarray(8)
  }
  async function set(key: string, bytes: Uint8Array, ttlMs: number) {
    if (ttlMs <= 0) return rm(fileOf(key), { force: true })
    const endsAt = Buffer.alloc(8)
    endsAt.writeDoubleLE(Date.now() + ttlMs)
    await mkdir(folder, { recursive: true })
    // Under a name of its own first: whoever reads meanwhile sees the old file or the new one, and never half of one.
    const draft = join(folder, randomUUID())
    await writeFile(draft, [endsAt, bytes])
    await rename(draft, fileOf(key))
  }

  return {
    name: 'folder',
    capabilities: {
      ttlGranularityMs: 1,
      maxKeyBytes: Number.POSITIVE_INFINITY,
      maxValueBytes: Number.POSITIVE_INFINITY,
    },
    get: (key) => typed('get', get(key)),
    set: (key, bytes, { ttlMs }) => typed('set', set(key, bytes, ttlMs)),
    delete: (key) => typed('delete', rm(fileOf(key), { force: true })),
  }
}

function undefinedIfAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
