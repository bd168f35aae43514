import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian keeps servers in /usr/sbin, which is not on every user's PATH. */
const searched = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

/** The full path of a program, or `undefined` where it is not installed. */
export function findProgram(name: string): string | undefined {
  for (const directory of searched) {
    if (directory === '') continue
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here: the next directory may have it.
    }
  }
  return undefined
}

/** The full path of a server's program. */
export function requireProgram(name: string): string {
  const path = findProgram(name)
  if (path === undefined) {
    throw new Error(`${name} is not installed; run: sh scripts/ensure-servers.sh`)
  }
  return path
}
