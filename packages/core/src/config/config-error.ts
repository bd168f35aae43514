import { InvalidOptionError } from '../errors.ts'

export interface ConfigErrorDetails {
  readonly path?: string | undefined
  readonly source?: string | undefined
  readonly line?: number | undefined
  readonly column?: number | undefined
  readonly cause?: unknown
}

/** A configuration that cannot work. The message begins with where it is wrong, and never holds a value or a secret. */
export class ConfigError extends InvalidOptionError {
  /** Where in the configuration, such as `caches.api.memory.maxEntries`; `''` where the whole of it is meant. */
  readonly path: string
  /** The file, environment variable or argument that said so, where that is known. */
  readonly source: string | undefined
  /** Of the first mistake in a file that cannot be parsed, from 1 on. */
  readonly line: number | undefined
  readonly column: number | undefined

  constructor(message: string, details: ConfigErrorDetails = {}) {
    const { path = '', source, line, column, cause } = details
    super(message, cause === undefined ? {} : { cause })
    this.path = path
    this.source = source
    this.line = line
    this.column = column
  }
}

/** The same refusal, with what said so in front. */
export function blame(error: ConfigError, source: string | undefined): ConfigError {
  if (source === undefined || error.source !== undefined) return error
  const { path, line, column, cause } = error
  return new ConfigError(`${source}: ${error.message}`, { path, source, line, column, cause })
}
