import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { describeKind, unmet } from '../options/expectation.ts'
import { ConfigError } from './config-error.ts'

/** Where secrets are looked up. */
export interface SecretPlaces {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths in `file:` begin at. */
  readonly directory: string
}

/**
 * A secret of a configuration: `env:NAME`, `file:/path`, the text itself, or a function that brings it. Once read it
 * shows itself nowhere: not as text, not as JSON, not in `inspect`.
 */
export class Secret {
  /** For messages and comparisons: `env:NAME`, `file:/path`, `'text'` or `'function'`. Holds no secret. */
  readonly label: string
  /** Whether it may change while the process runs. */
  readonly isLive: boolean
  readonly #read: () => string | Promise<string>

  constructor(label: string, isLive: boolean, read: () => string | Promise<string>) {
    this.label = label
    this.isLive = isLive
    this.#read = read
  }

  /** @throws ConfigError, as a rejection, naming the reference and what to do. */
  async reveal(path: string): Promise<string> {
    let text: unknown
    try {
      text = await this.#read()
    } catch (error) {
      // A function's own message may hold anything.
      if (this.label === 'function')
        throw new ConfigError(`${path} is a function that failed`, { path })
      const { code } = error as NodeJS.ErrnoException
      throw new ConfigError(`${path} refers to ${this.label}, which cannot be read (${code})`, {
        path,
      })
    }
    if (typeof text === 'string' && text !== '') return text
    const fault =
      this.label === 'function'
        ? `is a function that must bring a non-empty string; it brought ${describeKind(text)}`
        : `refers to ${this.label}, which is ${text === '' ? 'empty' : 'not set'}`
    throw new ConfigError(`${path} ${fault}`, { path })
  }

  toString(): string {
    return `[secret ${this.label}]`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

/** @throws InvalidOptionError for what is no secret; what it refers to is looked up by `reveal`. */
export function readSecret(given: unknown, path: string, places: SecretPlaces): Secret {
  if (given instanceof Secret) return given
  if (typeof given === 'function')
    return new Secret('function', true, given as () => string | Promise<string>)
  if (typeof given !== 'string' || given === '')
    throw unmet(path, "'env:NAME', 'file:/path', a non-empty text or a function", given)
  if (given.startsWith('env:')) {
    const name = given.slice(4)
    return new Secret(given, false, () => places.env[name] ?? (undefined as never))
  }
  if (given.startsWith('file:')) {
    const file = resolve(places.directory, given.slice(5))
    // Editors and most tools end a file with a line end that is no part of the secret.
    return new Secret(given, true, async () => (await readFile(file, 'utf8')).replace(/\r?\n$/, ''))
  }
  return new Secret('text', false, () => given)
}
