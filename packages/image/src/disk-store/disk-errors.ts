import { StoreError, type StoreErrorKind } from '@holdfast/core'

const kinds: Readonly<Record<string, StoreErrorKind>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'too-large',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'read-only',
  EMFILE: 'overloaded',
  ENFILE: 'overloaded',
  EIO: 'unavailable',
}

/** The system's name of what went wrong, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

export function isDiskFull(error: unknown): boolean {
  return kinds[codeOf(error) ?? ''] === 'full'
}

/** A failure of the file system in the store's words. Its message names no path: paths tell of the machine. */
export function diskError(error: unknown, store: string, operation: string): StoreError {
  if (error instanceof StoreError) return error
  const code = codeOf(error) ?? 'no code'
  return new StoreError(
    `the file system refused ${operation} on the store '${store}' (${code}); look at the directory's permissions, its room, and what else writes there`,
    { kind: kinds[code] ?? 'unknown', store, operation, cause: withoutPath(error) },
  )
}

/** Node puts the path into the message of a failed call. */
function withoutPath(error: unknown): unknown {
  const { syscall } = error as { syscall?: unknown }
  return Object.assign(new Error(`${codeOf(error) ?? 'error'} in ${String(syscall)}`), {
    code: codeOf(error),
  })
}
