import type { ValueMode } from '../entry/isolate.ts'
import type { EntryOptions, NamespaceOptions } from './options.ts'
import { readOneOf } from './readers.ts'

export const readValueMode = readOneOf('isolated', 'copied', 'shared')

/** The defaults of a namespace, parted into what is said of its entries and what is said of itself. */
export function partNamespaceOptions(defaults: NamespaceOptions | undefined): {
  readonly values: ValueMode | undefined
  readonly entries: EntryOptions | undefined
} {
  // What is no object is refused by whoever reads the defaults of its entries.
  if (typeof defaults !== 'object' || defaults === null || !Object.hasOwn(defaults, 'values')) {
    return { values: undefined, entries: defaults }
  }
  const { values, ...entries } = defaults
  return {
    values: values === undefined ? undefined : readValueMode(values, 'namespace defaults.values'),
    entries,
  }
}
