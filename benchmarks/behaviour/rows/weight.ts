import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Library } from '../library.ts'
import type { Seen } from '../seen.ts'

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly files?: readonly string[]
}

/** The package and all it depends on, peers and optional packages left out, as they are installed here. */
export async function installed(library: Library): Promise<Seen> {
  const folders = new Set<string>()
  const visit = (name: string, from: string): void => {
    const folder = folderOf(name, from)
    if (folders.has(folder)) return
    folders.add(folder)
    const { dependencies = {} } = manifestOf(folder)
    for (const dependency of Object.keys(dependencies)) visit(dependency, folder)
  }
  visit(library.name, import.meta.dirname)
  const bytes = [...folders].reduce((sum, folder) => sum + bytesOf(folder), 0)
  const size = bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
  const text = `${folders.size} ${folders.size === 1 ? 'package' : 'packages'}, ${size}`
  return { short: text, long: text }
}

/** Looks as Node does: in each `node_modules` on the way up. */
function folderOf(name: string, from: string): string {
  for (const place of createRequire(join(realpathSync(from), 'from.js')).resolve.paths(name) ??
    []) {
    try {
      return realpathSync(join(place, name))
    } catch {
      // Not in this one.
    }
  }
  throw new Error(`${name} is not installed where ${from} would find it`)
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** A package of this workspace is a folder of sources: of it counts what would be published. */
function bytesOf(folder: string): number {
  const { files } = manifestOf(folder)
  const inWorkspace = !dirname(folder).split('/').includes('node_modules')
  if (!inWorkspace) return bytesBelow(folder)
  return ['package.json', ...(files ?? [])].reduce(
    (sum, name) => sum + bytesBelow(join(folder, name)),
    0,
  )
}

function bytesBelow(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path)
    .filter((name) => name !== 'node_modules')
    .reduce((sum, name) => sum + bytesBelow(join(path, name)), 0)
}
