import { CodecError, InvalidOptionError } from './errors.ts'
import { argumentsKey } from './keys/argument-key.ts'
import { requireCount, requireText } from './options/checks.ts'
import { describe, type EntryPolicy, extendPolicy, requireTags } from './options/entry-policy.ts'
import { layerPolicies, type PolicyOfKey } from './options/key-patterns.ts'
import type { EntryOptions } from './options/options.ts'
import type { Run } from './read/load.ts'
import type { LoaderContext } from './read/loader-context.ts'
import { Bulkhead } from './resilience/bulkhead.ts'
import type { SchemaResult, StandardSchemaV1 } from './standard-schema.ts'

interface DefinitionParts<A extends readonly unknown[], V> extends Omit<EntryOptions, 'tags'> {
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

/** How a defined function loads, names and keeps what it returns. */
export type Definition<A extends readonly unknown[], V> = DefinitionParts<A, V> &
  (
    | { load: (...args: A) => V | Promise<V>; loadWith?: undefined }
    | { loadWith: (context: LoaderContext, ...args: A) => V | Promise<V>; load?: undefined }
  )

/** A cached function, and the handle of what it keeps. */
export interface Defined<A extends readonly unknown[], V> {
  (...args: A): Promise<V>
  /** The values of many calls, in their order. Each list of arguments is a tuple. */
  many(calls: readonly A[]): Promise<V[]>
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
  readonly policyOfKey: PolicyOfKey
  readonly loadQueue: number
  hit(key: string): Promise<unknown> | undefined
  load(key: string, run: Run, policy: EntryPolicy, bulkhead: Bulkhead | undefined): Promise<unknown>
  peek<V>(key: string): V | undefined
  put(key: string, value: unknown, policy: EntryPolicy): Promise<void>
  delete(key: string): Promise<void>
  expire(key: string): Promise<void>
}

const ownNames = [
  'load',
  'loadWith',
  'key',
  'schema',
  'tags',
  'version',
  'loadConcurrency',
] as const

/** @throws InvalidOptionError naming the field, what was expected and what came. */
export function createDefinition<A extends readonly unknown[], V>(
  host: DefinitionHost,
  name: string,
  definition: Definition<A, V>,
): Defined<A, V> {
  requireText(name, 'define(name)', 1)
  if (typeof definition !== 'object' || definition === null) {
    throw new InvalidOptionError(
      `define('${name}', definition) needs an object; it was ${describe(definition)}`,
    )
  }
  // Copied once: what happens to the caller's object later has no effect.
  const { load, loadWith, key, schema, tags, version, loadConcurrency, ...entryOptions } = {
    ...definition,
  }
  const where = `define('${name}')`
  if ((typeof load === 'function') === (typeof loadWith === 'function')) {
    throw new InvalidOptionError(
      `${where} needs either load or loadWith as a function; load was ${describe(load)}, loadWith ${describe(loadWith)}`,
    )
  }
  if (key !== undefined && typeof key !== 'function')
    throw new InvalidOptionError(
      `${where}: key must be a function of the arguments; it was ${describe(key)}`,
    )
  if (version !== undefined) requireText(version, `${where}: version`, 1)
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
    throw new InvalidOptionError(
      `${where}: schema must implement Standard Schema version 1 (a '~standard' property with validate)`,
    )
  }
  const fixedTags =
    typeof tags === 'function' ? undefined : requireTags(tags ?? [], `${where}: tags`)
  const bulkhead =
    loadConcurrency === undefined
      ? undefined
      : new Bulkhead(requireCount(loadConcurrency, `${where}: loadConcurrency`, 1), host.loadQueue)

  const fetch = (loadWith ??
    ((_context: LoaderContext, ...args: A) =>
      (load as (...args: A) => V | Promise<V>)(...args))) as (
    context: LoaderContext,
    ...args: A
  ) => V | Promise<V>
  const keyOf =
    key === undefined ? (args: A) => argumentsKey(name, args, version) : (args: A) => key(...args)
  const tagsOf = (args: A): readonly string[] =>
    typeof tags === 'function'
      ? requireTags(tags(...args), `${where}: tags(…)`)
      : (fixedTags as readonly string[])

  return definedWith(extendedPolicies(entryOptions, where), entryOptions.refresh === true)

  function extendedPolicies(
    options: EntryOptions,
    where: string,
    base = host.policyOfKey,
  ): PolicyOfKey {
    if (typeof options !== 'object' || options === null)
      throw new InvalidOptionError(
        `${where} needs an object of entry options; it was ${describe(options)}`,
      )
    for (const own of ownNames) {
      if (own !== 'tags' && own in options)
        throw new InvalidOptionError(`${where}: ${own} belongs to define, not to with(options)`)
    }
    return layerPolicies(base, options, where)
  }

  function policyFor(policyOf: PolicyOfKey, key: string, args: A): EntryPolicy {
    const policy = policyOf(key)
    const own = tagsOf(args)
    if (own.length === 0) return policy
    // Tags of the definition are part of what the value is: those of a call come on top, never instead.
    return extendPolicy(policy, { tags: [...own, ...policy.tags] }, where)
  }

  function definedWith(policyOf: PolicyOfKey, refreshes: boolean): Defined<A, V> {
    const call = (...args: A): Promise<V> => {
      try {
        const key = keyOf(args)
        const hit = refreshes ? undefined : host.hit(key)
        if (hit !== undefined) return hit as Promise<V>
        const run: Run =
          schema === undefined
            ? (context) => fetch(context, ...args)
            : (context) => checked(schema, fetch(context, ...args), where)
        return host.load(key, run, policyFor(policyOf, key, args), bulkhead) as Promise<V>
      } catch (error) {
        return Promise.reject(error)
      }
    }
    // A function's own `name` cannot be assigned, only redefined; it tells a stack trace who is asking.
    Object.defineProperty(call, 'name', { value: name, configurable: true })
    return Object.assign(call, {
      many: (calls: readonly A[]) => Promise.all(calls.map((args) => call(...args))),
      peek: (...args: A) => host.peek<V>(keyOf(args)),
      set: async (args: A, value: V) => {
        const key = keyOf(args)
        const policy = policyFor(policyOf, key, args)
        await host.put(
          key,
          schema === undefined ? value : await checked(schema, value, where),
          policy,
        )
      },
      delete: async (...args: A) => host.delete(keyOf(args)),
      expire: async (...args: A) => host.expire(keyOf(args)),
      key: (...args: A) => keyOf(args),
      with: (options: EntryOptions) =>
        definedWith(
          extendedPolicies(options, `${where}.with(options)`, policyOf),
          options.refresh ?? refreshes,
        ),
    })
  }
}

async function checked<V>(
  schema: StandardSchemaV1<unknown, V>,
  loading: V | Promise<V>,
  where: string,
): Promise<V> {
  const value = await loading
  const result: SchemaResult<V> = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, 5).map((issue) => {
    const path = issue.path
      ?.map((part) => String(typeof part === 'object' ? part.key : part))
      .join('.')
    return path ? `${path}: ${issue.message}` : issue.message
  })
  throw new CodecError(
    `${where}: what was loaded does not fit its schema (${issues.join('; ')}); it is not kept`,
    {
      cause: result.issues,
    },
  )
}
