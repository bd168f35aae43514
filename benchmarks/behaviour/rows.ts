import type { Library } from './library.ts'
import { deleteDuringLoad, tagDuringLoad } from './rows/invalidation.ts'
import { argumentKeys, collidingKeys } from './rows/keys.ts'
import {
  batchJoinsLoads,
  coldKey,
  failingLoader,
  hungLoader,
  oneCallerLeaves,
  ownKey,
  sharedStore,
} from './rows/loads.ts'
import { expiryTogether, failedRefresh, staleIfError, staleWhileRevalidate } from './rows/time.ts'
import { boundByDefault, changedValue, nothingFound } from './rows/values.ts'
import { installed } from './rows/weight.ts'
import type { Seen } from './seen.ts'

export interface Row {
  /** The heading of its section, and so its anchor. */
  readonly title: string
  /** What is done and what is looked at. */
  readonly how: string
  readonly measure: (library: Library) => Promise<Seen>
  readonly file: 'invalidation' | 'keys' | 'loads' | 'time' | 'values' | 'weight'
  /** Waits rather than works: all libraries at once. */
  readonly together?: true
  /** In the table of the README, too. */
  readonly inReadme?: true
  /** The page, below docs/, that says what Holdfast promises here. */
  readonly concept: string
  /** What the others' documentation or maintainers say of it. */
  readonly said?: Readonly<Record<string, Said>>
}

interface Said {
  readonly text: string
  readonly url: string
}

const github = {
  bentocache:
    'https://github.com/Julien-R44/bentocache/blob/07deb533620c92a3ed572a86cb06198dab1dde32/docs/content/docs',
  bentocacheTags:
    'https://github.com/Julien-R44/bentocache/blob/44d0be402062a83d0eb53370334673d8b5554532/docs/content/docs/tags.md',
  bentocacheDrivers:
    'https://github.com/Julien-R44/bentocache/blob/d0024dd7cc517ee89438d5349dcf3932c31bc20a/docs/content/docs/cache_drivers.md',
  cacheable: 'https://github.com/jaredwray/cacheable/tree/main/packages/cacheable',
  cacheManager: 'https://github.com/jaredwray/cacheable/tree/main/packages/cache-manager',
  layeredLoader: 'https://github.com/kibertoad/layered-loader',
  asyncCacheDedupe: 'https://github.com/mcollina/async-cache-dedupe',
  cachified: 'https://github.com/epicweb-dev/cachified',
  lruCache: 'https://github.com/isaacs/node-lru-cache',
}

export const rows: readonly Row[] = [
  {
    title: 'A cold key',
    how: '100 callers ask at once for a key that is not kept; the loader takes 20 ms. How often does it run?',
    measure: coldKey,
    file: 'loads',
    inReadme: true,
    concept: 'concepts/stampede.md#1-one-load-for-each-key',
    said: {
      bentocache: {
        text: 'stampede protection',
        url: 'https://bentocache.dev/docs/stampede-protection',
      },
      cacheable: {
        text: 'wrap, with stampede protection',
        url: `${github.cacheable}#wrap--memoization-for-sync-and-async-functions`,
      },
      'async-cache-dedupe': { text: 'README', url: github.asyncCacheDedupe },
      ocache: { text: 'cached functions', url: 'https://ocache.unjs.io/functions' },
    },
  },
  {
    title: 'A failing loader',
    how: 'The same 100 callers, and the loader fails after 20 ms. How often does it run, and what do the callers get?',
    measure: failingLoader,
    file: 'loads',
    inReadme: true,
    concept: 'concepts/errors.md',
    said: {
      cacheable: {
        text: "`throwErrors: 'function'` passes the loader’s error on; why it is an option",
        url: `https://github.com/jaredwray/cacheable/issues/1554`,
      },
    },
  },
  {
    title: 'One store under several instances',
    how: 'Four instances over one store that they share, as processes share a server, 25 callers each; the key is cold and the loader takes 60 ms. How often does it run? All four are in one process here, and the store is a Map behind each library’s own contract for one (bentocache: its file driver).',
    measure: sharedStore,
    file: 'loads',
    inReadme: true,
    concept: 'concepts/leases.md',
    said: {
      bentocache: {
        text: 'distributed locks: not in version 1',
        url: 'https://github.com/Julien-R44/bentocache/issues/2',
      },
      cacheable: {
        text: 'asked for',
        url: 'https://github.com/jaredwray/cacheable/issues/1201',
      },
    },
  },
  {
    title: 'Deleted during a load',
    how: 'A load of 60 ms reads the source at its beginning; 20 ms later the source changes and the key is deleted. What does a caller get who comes after the delete: while that load still runs, and after its end?',
    measure: deleteDuringLoad,
    file: 'invalidation',
    inReadme: true,
    concept: 'concepts/invalidation.md#why-loads-in-flight-matter',
    said: {
      'layered-loader': {
        text: 'the change that fenced it',
        url: `${github.layeredLoader}/pull/417`,
      },
      'lru-cache': {
        text: 'why waiters are rejected',
        url: `${github.lruCache}/issues/274`,
      },
      ocache: { text: 'invalidation', url: 'https://ocache.unjs.io/invalidation' },
    },
  },
  {
    title: 'A tag invalidated during a load',
    how: 'The same, but what is invalidated is a tag that the entry carries.',
    measure: tagDuringLoad,
    file: 'invalidation',
    inReadme: true,
    concept: 'concepts/invalidation.md#tags',
    said: {
      bentocache: { text: 'tags', url: github.bentocacheTags },
      cacheable: {
        text: 'tags are given to `set`, not to `getOrSet`: here `get`, the loader, `set`',
        url: `${github.cacheable}#tag-based-invalidation`,
      },
      'layered-loader': {
        text: 'groups: one for each key, named with each call',
        url: `${github.layeredLoader}#group-operations`,
      },
      'async-cache-dedupe': {
        text: 'references, named when the result is there',
        url: `${github.asyncCacheDedupe}#cacheinvalidateallreferences-storage`,
      },
    },
  },
  {
    title: 'A loader that hangs',
    how: 'The first load of a key never ends; every later one would end at once. When does a caller who comes later get a value? Watched for 31 s, since the longest documented default is 30 s; then with the library’s own option, where it has one.',
    measure: hungLoader,
    file: 'loads',
    together: true,
    inReadme: true,
    concept: 'concepts/stampede.md#4-a-load-has-an-end',
    said: {
      bentocache: { text: 'options', url: `${github.bentocache}/options.md` },
      'lru-cache': { text: 'the signal of `fetch`', url: `${github.lruCache}/issues/273` },
      ocache: { text: 'cached functions', url: 'https://ocache.unjs.io/functions' },
    },
  },
  {
    title: 'A loader that asks for its own key',
    how: 'A loader asks the cache, 5 ms after it began, for the key that it is loading. Watched for 1 s.',
    measure: ownKey,
    file: 'loads',
    inReadme: true,
    concept: 'concepts/stampede.md#loads-that-wait-for-each-other',
  },
  {
    title: 'One caller leaves',
    how: 'Three callers share a load of 100 ms: the first has a signal that aborts after 10 ms, the second has none, the third has one that aborts after 20 ms.',
    measure: oneCallerLeaves,
    file: 'loads',
    inReadme: true,
    concept: 'concepts/stampede.md#5-callers-may-leave',
    said: {
      'lru-cache': { text: 'the signal of `fetch`', url: `${github.lruCache}/issues/273` },
    },
  },
  {
    title: 'A batch beside other loads',
    how: 'Ten keys are asked for in one call while three of them are being loaded for others; a load takes 50 ms. Are those three joined?',
    measure: batchJoinsLoads,
    file: 'loads',
    inReadme: true,
    concept: 'concepts/stampede.md#1-one-load-for-each-key',
    said: {
      bentocache: {
        text: '`getMany` is asked for',
        url: 'https://github.com/Julien-R44/bentocache/issues/78',
      },
      'layered-loader': { text: '`getMany`', url: `${github.layeredLoader}#loader-api` },
      '@epic-web/cachified': {
        text: 'batches; an open issue of batches with `swr` that never end',
        url: `${github.cachified}/issues/144`,
      },
    },
  },
  {
    title: 'A value changed by its caller',
    how: 'Two callers, one after the other, each change what they got. Does the next one see it?',
    measure: changedValue,
    file: 'values',
    inReadme: true,
    concept: 'introduction.md#what-you-get-back',
  },
  {
    title: 'Nothing found',
    how: 'A loader returns `null`, another `undefined`; each key is asked for twice.',
    measure: nothingFound,
    file: 'values',
    concept: 'introduction.md#the-words',
    said: {
      bentocache: {
        text: 'storing `undefined` throws',
        url: 'https://github.com/Julien-R44/bentocache/issues/45',
      },
      'lru-cache': {
        text: 'storing undefined values',
        url: `${github.lruCache}#storing-undefined-values`,
      },
    },
  },
  {
    title: 'Keys from arguments',
    how: 'Four pairs of arguments that are not the same: `1` and `"1"`; `{a: 1}` and its JSON; `["a", "b"]` and `"a,b"`; `null` and `"null"`. Does the second get the first’s answer? And are `{a: 1, b: 2}` and `{b: 2, a: 1}` one key?',
    measure: argumentKeys,
    file: 'keys',
    concept: 'concepts/keys.md#the-keys-of-a-definition',
    said: {
      'async-cache-dedupe': {
        text: 'how the key is made',
        url: `${github.asyncCacheDedupe}#cachedefinename-opts-originalarg-cachekey`,
      },
    },
  },
  {
    title: 'Keys that collide',
    how: '200,000 different identifiers, from a fixed seed, through one function on its default key: how many get another one’s answer? (By the birthday problem a hash of 32 bits has had its first collision after 77,000 with even odds.)',
    measure: collidingKeys,
    file: 'keys',
    inReadme: true,
    concept: 'concepts/keys.md',
    said: {
      cacheable: {
        text: 'the key is a hash of the arguments, DJB2 by default; `createKey` replaces it',
        url: 'https://github.com/jaredwray/cacheable/tree/main/packages/utils#hash-functions',
      },
    },
  },
  {
    title: 'Stale while revalidating',
    how: 'A value past its ttl of 1 s and a loader that takes 100 ms, on the library’s option for it. Is the caller answered at once, and is the value renewed behind?',
    measure: staleWhileRevalidate,
    file: 'time',
    together: true,
    concept: 'concepts/freshness.md',
    said: {
      bentocache: {
        text: '`grace` with `timeout: 0`',
        url: 'https://github.com/Julien-R44/bentocache/issues/34',
      },
      'cache-manager': { text: '`refreshThreshold`', url: `${github.cacheManager}#options` },
      'layered-loader': {
        text: 'preemptive background refresh',
        url: `${github.layeredLoader}#preemptive-background-refresh`,
      },
      'async-cache-dedupe': { text: '`stale`', url: `${github.asyncCacheDedupe}#createcacheopts` },
      '@epic-web/cachified': {
        text: 'stale while revalidate',
        url: `${github.cachified}#stale-while-revalidate`,
      },
      ocache: { text: 'cached functions', url: 'https://ocache.unjs.io/functions' },
    },
  },
  {
    title: 'Stale if the source fails',
    how: 'A value past its ttl of 1 s and a loader that fails, asked twice, 300 ms apart. Where a library has no option for it, its option for stale answers while revalidating is set.',
    measure: staleIfError,
    file: 'time',
    together: true,
    concept: 'concepts/freshness.md#when-a-refresh-fails',
    said: {
      bentocache: { text: 'grace periods', url: 'https://bentocache.dev/docs/grace-periods' },
      '@epic-web/cachified': {
        text: '`fallbackToCache`, for forced fresh values',
        url: `${github.cachified}#forcing-fresh-values-and-falling-back-to-cache`,
      },
      'lru-cache': {
        text: '`allowStaleOnFetchRejection`',
        url: `${github.lruCache}/issues/263`,
      },
    },
  },
  {
    title: 'A refresh that fails',
    how: 'A refresh behind a caller fails, once by an error and once by returning `undefined`. Does the process get an unhandled rejection, which ends it by default?',
    measure: failedRefresh,
    file: 'time',
    inReadme: true,
    concept: 'concepts/errors.md#what-nobody-sees',
  },
  {
    title: 'Entries that expire together',
    how: '200 keys are loaded at one instant with a ttl of 3 s, by default options otherwise, and asked for again at 97 % of it, and after it. (Refreshing ahead at a fixed distance from the end, which cache-manager and layered-loader can, does not spread them.)',
    measure: expiryTogether,
    file: 'time',
    together: true,
    concept: 'concepts/freshness.md#entries-that-do-not-all-expire-together',
  },
  {
    title: 'Bounded by default',
    how: '20,000 keys, one after the other, through the set-up above without a bound of our own; then counted from the newest back until the first that is gone. For cachified and lru-cache the bound is that of their documented example.',
    measure: boundByDefault,
    file: 'values',
    inReadme: true,
    concept: 'options.md#memory-the-near-tier',
    said: {
      bentocache: { text: 'drivers', url: github.bentocacheDrivers },
      cacheable: {
        text: '`CacheableMemory` has `lruSize`',
        url: `${github.cacheable}#cacheablememory---in-memory-cache`,
      },
      'cache-manager': {
        text: 'with `CacheableMemory` or lru-cache as the store',
        url: `${github.cacheManager}#using-cacheablememory-or-lru-cache-as-storage-adapter`,
      },
      'async-cache-dedupe': { text: '`size`', url: `${github.asyncCacheDedupe}#createcacheopts` },
      'lru-cache': {
        text: 'a bound must be given',
        url: `${github.lruCache}#storage-bounds-safety`,
      },
      ocache: { text: 'the change that bounded it', url: 'https://github.com/unjs/ocache/pull/38' },
    },
  },
  {
    title: 'What is installed',
    how: 'The package and everything in its `dependencies`, however deep, as it lies in `node_modules` here: the sum of the sizes of all files, source maps and type declarations included; peers and optional packages left out. Of Holdfast, which lies here as sources, what would be published.',
    measure: installed,
    file: 'weight',
    inReadme: true,
    concept: 'decisions/0003-runtime-dependencies.md',
  },
]
