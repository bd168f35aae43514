import { unmet } from '../options/expectation.ts'
import { readStore } from '../options/far-settings.ts'
import type {
  MetricsByServer,
  RefusedReads,
  ServerStates,
  SettledReads,
  Store,
  StoreEntry,
} from './store.ts'

/** A store, and what one over several servers has besides. */
type OfServers = Store & SettledReads & MetricsByServer & ServerStates

type Method = (first: never, ...rest: unknown[]) => unknown

/**
 * A store inside a store: every key lives under `prefix` there, and nothing outside it can be read, changed or
 * listed. It can do what the inner one can, takes keys that are shorter by the prefix, and closes the inner one with
 * itself. Its bus is the inner one's, shared by all prefixes.
 * @throws {InvalidOptionError} for what is no store, and for a prefix that is empty or leaves no room for a key.
 */
export function prefixedStore(store: Store, prefix: string): Store {
  readStore(store, 'the store of prefixedStore')
  if (typeof prefix !== 'string' || prefix === '')
    throw unmet('the prefix of prefixedStore', 'a non-empty string', prefix)
  const maxKeyBytes = store.capabilities.maxKeyBytes - Buffer.byteLength(prefix)
  if (maxKeyBytes < 1)
    throw unmet(
      'the prefix of prefixedStore',
      `shorter than the ${store.capabilities.maxKeyBytes} bytes that '${store.name}' allows a key`,
      prefix,
      'so long that it leaves no room for a key',
    )
  const inside = (key: string) => prefix + key
  const allInside = (keys: readonly string[]) => keys.map(inside)
  const entriesInside = (entries: readonly StoreEntry[]) =>
    entries.map((entry) => ({ ...entry, key: inside(entry.key) }))
  const untouched = (argument: unknown) => argument

  const view = { name: store.name, capabilities: { ...store.capabilities, maxKeyBytes } } as Store
  /** Only what the inner store has is passed on: an absent method is how a store says what it cannot do. */
  const passOn = (names: readonly (keyof OfServers)[], first: (argument: never) => unknown) => {
    for (const name of names) {
      if ((store as Partial<OfServers>)[name] === undefined) continue
      const pass: Method = (argument, ...rest) =>
        (store as unknown as Record<string, Method>)[name]!(first(argument) as never, ...rest)
      Object.assign(view, { [name]: pass })
    }
  }
  passOn(['get', 'set', 'delete', 'add', 'replace', 'touch', 'explain'], inside)
  passOn(['getMany', 'getManySettled', 'deleteMany'], allInside)
  passOn(['setMany'], entriesInside)
  passOn(
    ['onPrimaryChange', 'bus', 'metrics', 'metricsByServer', 'serverStates', 'close'],
    untouched,
  )
  if (store.changedElsewhere)
    view.changedElsewhere = (keys) => store.changedElsewhere?.(keys?.map(inside))
  if (store.list) {
    view.list = async function* (start) {
      for await (const key of store.list!(inside(start))) yield key.slice(prefix.length)
    }
  }
  const { onRefused } = store as Partial<RefusedReads>
  if (onRefused !== undefined) {
    const within: RefusedReads['onRefused'] = (hear) =>
      onRefused((key, reason) => {
        if (key.startsWith(prefix)) hear(key.slice(prefix.length), reason)
      })
    Object.assign(view, { onRefused: within })
  }
  return view
}
