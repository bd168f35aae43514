import type { ValueMode } from '../entry/isolate.ts'
import type { EntryOptions, NamespaceOptions } from './options.ts'
import { readOneOf } from './readers.ts'
import { readSensitive, type Sensitivity } from './sensitive.ts'

export const readValueMode = readOneOf('isolated', 'copied', 'shared')

/** The defaults of a namespace, parted into what is said of its entries and what is said of itself. */
export function partNamespaceOptions(defaults: NamespaceOptions | undefined): {
  readonly values: ValueMode | undefined
  /** `undefined`: nothing was said. */
  readonly sensitive: Sensitivity | false | undefined
  readonly entries: EntryOptions | undefined
} {
  // What is no object is refused by whoever reads the defaults of its entries.
  if (typeof defaults !== 'object' || defaults === null || Array.isArray(defaults)) {
    return { values: undefined, sensitive: undefined, entries: defaults }
  }
  const { values, sensitive, ...entries } = defaults
  return {
    values: values === undefined ? undefined : readValueMode(values, 'namespace defaults.values'),
    sensitive:
      sensitive === undefined
        ? undefined
        : (readSensitive(sensitive, 'namespace defaults.sensitive') ?? false),
    entries: Object.keys(entries).length === 0 ? undefined : entries,
  }
}
