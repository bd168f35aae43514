import { CodecError, InvalidOptionError } from './errors.ts'
import { argumentsKey } from './keys/argument-key.ts'
import { type EntryPolicy, entryOptionNames } from './options/entry-policy.ts'
import { layerPolicies, type PolicyOfKey } from './options/key-patterns.ts'
import { refuseUnknownNames } from './options/known-names.ts'
import type { EntryOptions } from './options/options.ts'
import {
  type Reader,
  readCount,
  reader,
  readFunction,
  readName,
  readObject,
  readTags,
} from './options/readers.ts'
import type { Run } from './read/load.ts'
import type { LoaderContext } from './read/loader-context.ts'
import { Bulkhead } from './resilience/bulkhead.ts'
import type { SchemaResult, StandardSchemaV1 } from './standard-schema.ts'

/** The fields of a definition, besides its loader. */
export interface DefinitionParts<A extends readonly unknown[], V>
  extends Omit<EntryOptions, 'tags'> {
  /** The key of a call, inside the cache. Default: the name and the arguments, which never collide with others'. */
  key?: ((...args: A) => string) | undefined
  /** Checks what the loader brings, and what is kept is what it returns. A value that does not fit rejects with `CodecError` and is not kept. */
  schema?: StandardSchemaV1<unknown, V> | undefined
  /** Tags of every value, or of the value of a call; those of a call's own options come on top. */
  tags?: readonly string[] | ((...args: A) => readonly string[]) | undefined
  /** Part of the default key: change it, and values of the old shape are not found any more. */
  version?: string | undefined
  /** Loads of this definition that run at once, within those of the cache. Default `Infinity`. */
  loadConcurrency?: number | undefined
}

/** The loader of a definition: what it is called with, or the context of the load first. */
export type Loader<A extends readonly unknown[], V> =
  | { load: (...args: A) => V | Promise<V>; loadWith?: undefined }
  | { loadWith: (context: LoaderContext, ...args: A) => V | Promise<V>; load?: undefined }

/** How a defined function loads, names and keeps what it returns. */
export type Definition<A extends readonly unknown[], V> = DefinitionParts<A, V> & Loader<A, V>

/** The same where a schema says what the values are: its loader may bring anything, such as what was parsed from JSON. */
export type CheckedDefinition<A extends readonly unknown[], V> = DefinitionParts<A, V> & {
  schema: StandardSchemaV1<unknown, V>
} & Loader<A, unknown>

type AnyDefinition = Definition<readonly never[], unknown>

/** The arguments of one call of many. A single argument needs no tuple, unless it is an array itself and would be taken for one. */
export type Call<A extends readonly unknown[]> = A extends readonly [infer One]
  ? One extends readonly unknown[]
    ? A
    : A | One
  : A

export function argumentsOf<A extends readonly unknown[]>(call: Call<A>): A {
  return (Array.isArray(call) ? call : [call]) as readonly unknown[] as A
}

/** A cached function, and the handle of what it keeps. */
export interface Defined<A extends readonly unknown[], V> {
  (...args: A): Promise<V>
  /** The values of many calls, in their order. A call is the tuple of its arguments; a single one may stand alone. */
  many(calls: readonly Call<A>[]): Promise<V[]>
  peek(...args: A): V | undefined
  set(args: A, value: V): Promise<void>
  delete(...args: A): Promise<void>
  expire(...args: A): Promise<void>
  key(...args: A): string
  /** The same function, with these options on top of its own. */
  with(options: EntryOptions): Defined<A, V>
}

/** What a definition needs of the cache it lives in. */
export interface DefinitionHost {
  readonly loadQueue: number
  hit(key: string): Promise<unknown> | undefined
  load(key: string, run: Run, policy: EntryPolicy, bulkhead: Bulkhead | undefined): Promise<unknown>
  peek<V>(key: string): V | undefined
  put(key: string, value: unknown, policy: EntryPolicy): Promise<void>
  delete(key: string): Promise<void>
  expire(key: string): Promise<void>
}

/** How each field of a definition that is no entry option is checked. */
const ownReaders = {
  load: readFunction,
  loadWith: readFunction,
  key: readFunction,
  schema: reader<unknown>(
    "a Standard Schema of version 1 (a '~standard' property with validate)",
    (value) => typeof (value as StandardSchemaV1 | null)?.['~standard']?.validate === 'function',
  ),
  tags: (value, option) => typeof value === 'function' || readTags(value, option),
  version: readName,
  loadConcurrency: readCount(1),
} as const satisfies Record<
  Exclude<keyof AnyDefinition, keyof EntryOptions> | 'tags',
  Reader<unknown>
>

/** @throws InvalidOptionError naming the field, what was expected and what came. */
export function createDefinition<A extends readonly unknown[], V>(
  host: DefinitionHost,
  policyOfKey: PolicyOfKey,
  name: string,
  definition: Definition<A, V> | CheckedDefinition<A, V>,
): Defined<A, V> {
  readName(name, 'define(name)')
  const where = `define('${name}')`
  readObject(definition, `${where}: definition`)
  refuseUnknownNames(definition, [...Object.keys(ownReaders), ...entryOptionNames], where)
  for (const [field, read] of Object.entries(ownReaders)) {
    const value: unknown = definition[field as keyof typeof ownReaders]
    if (value !== undefined) read(value, `${where}: ${field}`)
  }
  // Copied once: what happens to the caller's object later has no effect.
  const { load, loadWith, key, schema, tags, version, loadConcurrency, ...entryOptions } =
    definition
  if ((load === undefined) === (loadWith === undefined))
    throw new InvalidOptionError(`${where} needs either load or loadWith as a function`)

  const fetch: (context: LoaderContext, ...args: A) => unknown =
    loadWith ?? ((_context, ...args) => load!(...args))
  const checkedFetch =
    schema === undefined
      ? fetch
      : (context: LoaderContext, ...args: A) => checked(schema, fetch(context, ...args), where)
  const keyOf = key ?? ((...args: A) => argumentsKey(name, args, version))
  const fixedTags = typeof tags === 'function' ? undefined : readTags(tags ?? [], where)
  const bulkhead =
    loadConcurrency === undefined ? undefined : new Bulkhead(loadConcurrency, host.loadQueue)

  return definedWith(layerPolicies(policyOfKey, entryOptions, where), entryOptions.refresh === true)

  function policyFor(policyOf: PolicyOfKey, key: string, args: A): EntryPolicy {
    const policy = policyOf(key)
    const own =
      fixedTags ?? readTags((tags as (...args: A) => unknown)(...args), `${where}: tags(…)`)
    if (own.length === 0) return policy
    // Tags of the definition are part of what the value is: those of a call come on top, never instead.
    return { ...policy, tags: readTags([...own, ...policy.tags], where) }
  }

  function definedWith(policyOf: PolicyOfKey, refreshes: boolean): Defined<A, V> {
    const call = (...args: A): Promise<V> => {
      try {
        const key = keyOf(...args)
        const hit = refreshes ? undefined : host.hit(key)
        if (hit !== undefined) return hit as Promise<V>
        const run: Run = (context) => checkedFetch(context, ...args)
        return host.load(key, run, policyFor(policyOf, key, args), bulkhead) as Promise<V>
      } catch (error) {
        return Promise.reject(error)
      }
    }
    // A function's own `name` cannot be assigned, only redefined; it tells a stack trace who is asking.
    Object.defineProperty(call, 'name', { value: name, configurable: true })
    return Object.assign(call, {
      many: (calls: readonly Call<A>[]) =>
        Promise.all(calls.map((each) => call(...argumentsOf(each)))),
      peek: (...args: A) => host.peek<V>(keyOf(...args)),
      set: async (args: A, value: V) => {
        const key = keyOf(...args)
        const policy = policyFor(policyOf, key, args)
        const fit = schema === undefined ? value : await checked(schema, value, where)
        await host.put(key, fit, policy)
      },
      delete: async (...args: A) => host.delete(keyOf(...args)),
      expire: async (...args: A) => host.expire(keyOf(...args)),
      key: keyOf,
      with: (options: EntryOptions) => {
        readObject(options, `${where}.with(options)`)
        return definedWith(
          layerPolicies(policyOf, options, `${where}.with(options)`),
          options.refresh ?? refreshes,
        )
      },
    })
  }
}

async function checked<V>(
  schema: StandardSchemaV1<unknown, V>,
  loading: unknown,
  where: string,
): Promise<V> {
  const result: SchemaResult<V> = await schema['~standard'].validate(await loading)
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, 5).map(({ path = [], message }) => {
    const names = path.map((part) => String(typeof part === 'object' ? part.key : part))
    return names.length > 0 ? `${names.join('.')}: ${message}` : message
  })
  throw new CodecError(
    `${where}: what was loaded does not fit its schema (${issues.join('; ')}); it is not kept`,
    { cause: result.issues },
  )
}
