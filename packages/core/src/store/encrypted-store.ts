import { type Clock, systemClock } from '../clock.ts'
import { headBytes, peekHead } from '../entry/head.ts'
import { StoreError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { readStore } from '../options/far-settings.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import { type EncryptionKeys, type KeyProvider, KeyRing } from './key-ring.ts'
import {
  identityOf,
  keyIdOf,
  type SealFault,
  type SealingKey,
  seal,
  sealedHead,
  sealOverheadBytes,
  unseal,
} from './sealed-bytes.ts'
import type {
  Keep,
  MetricsByServer,
  RefusedReads,
  ServerStates,
  SettledRead,
  SettledReads,
  Store,
  StoreEntry,
} from './store.ts'

export interface EncryptedStoreOptions {
  /** The keys, or a function that brings them: the first one writes, all of them read. */
  readonly keys: EncryptionKeys | KeyProvider
  /** How often a function is asked for the keys again, behind the callers. Default `'1m'`. */
  readonly reread?: Duration | undefined
  /** Source of time. Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** What happened since the store was made. */
export interface EncryptionStats {
  /** Values encrypted. */
  readonly sealed: number
  /** Values decrypted. */
  readonly opened: number
  /** Versions of namespaces and tags that were sealed with another key, and are now with the first one. */
  readonly resealed: number
  /** Values that were there and not believed, each of them a miss. */
  readonly refused: {
    /** Never encrypted: planted, or from before this store was. */
    readonly plaintext: number
    /** Encrypted with a key that is not among the keys: dropped, or not known here yet. */
    readonly unknownKey: number
    /** With a bit that is not as it was, or under another entry's key. */
    readonly damaged: number
  }
  /** Times a key provider was asked, and times it failed. */
  readonly keyReads: number
  readonly keyReadErrors: number
  /** The id of the key that writes; `undefined` before a provider was first asked. */
  readonly writesWith: string | undefined
}

export interface EncryptedStore extends Store, RefusedReads {
  stats(): EncryptionStats
}

/** So seldom a version is sealed again. */
const renewPauseMs = 100
const monthMs = 30 * 86_400_000

/** A key whose value changes under every look is left alone after so many. */
const mostTries = 64

/**
 * A store in which everything that `store` gets to see is encrypted and authenticated: AES-256-GCM (XAES-256-GCM, a
 * key of its own for every value), with the entry's key and the 17 clear bytes at the start of a value as associated
 * data. Keys of entries stay readable. It can do what the inner one can, and closes it with itself; `add` it has where
 * the inner one has `replace`, too. What it cannot decrypt, it does not have: a miss, counted in `stats()`.
 * @throws InvalidOptionError
 */
export function encryptedStore(store: Store, options: EncryptedStoreOptions): EncryptedStore {
  const inner = readStore(store, 'the store of encryptedStore') as Store &
    Partial<SettledReads & MetricsByServer & ServerStates>
  const given = readObject(options, 'encryptedStore') as EncryptedStoreOptions
  refuseUnknownNames(given, ['keys', 'reread', 'clock'], 'encryptedStore')
  const rereadMs = parseDuration(given.reread ?? '1m', 'reread')
  const { name } = inner
  const clock = given.clock ?? systemClock
  const ring = new KeyRing(given.keys, rereadMs, clock, name)
  const maxValueBytes = inner.capabilities.maxValueBytes - sealOverheadBytes
  const refused: Record<SealFault, number> = { plaintext: 0, 'unknown-key': 0, damaged: 0 }
  const listeners = new Set<{ hear(key: string, reason: string): void }>()
  let sealed = 0
  let opened = 0
  let resealed = 0
  let renewedAt = Number.NEGATIVE_INFINITY
  let writesWith: string | undefined

  const encrypt = async (key: string, bytes: Uint8Array, operation: string) => {
    if (bytes.byteLength > maxValueBytes) {
      throw new StoreError(
        `the store '${name}' takes values of at most ${maxValueBytes} bytes, encrypted, not of ${bytes.byteLength}; keep less`,
        { kind: 'too-large', store: name, operation },
      )
    }
    const { writer } = await ring.current()
    sealed++
    writesWith = writer.id
    return seal(writer, key, bytes)
  }

  /**
   * Versions of namespaces and tags outlive every value under them. Were they left under a key that is rotated out,
   * dropping it would void all that was stored since; so whoever reads one seals it again. While a fleet does not agree
   * yet on what is first, its members undo each other's work, which is why they take their time.
   */
  const renew = (writer: SealingKey, key: string, stored: Uint8Array, value: Uint8Array) => {
    if (!inner.replace || peekHead(value)?.kind !== 'version' || keyIdOf(stored) === writer.id)
      return
    const now = clock.monotonic()
    if (now - renewedAt < renewPauseMs) return
    renewedAt = now
    const own = seal(writer, key, value)
    inner.replace(key, identityOf(stored), own, { ttlMs: versionLifeMs(key) }).then(
      (done) => {
        if (done) resealed++
      },
      () => {
        // The next one who reads it tries again.
      },
    )
  }

  const decrypt = async (
    key: string,
    stored: Uint8Array | undefined,
  ): Promise<Uint8Array | undefined> => {
    if (stored === undefined) return undefined
    const keys = await ring.current()
    let found = unseal(keys.byId, key, stored)
    if (found === 'unknown-key') {
      const newer = await ring.afterUnknown()
      if (newer !== undefined) found = unseal(newer.byId, key, stored)
    }
    if (typeof found === 'string') {
      refused[found]++
      for (const { hear } of listeners) hear(key, found)
      return undefined
    }
    opened++
    if (keys.byId.size > 1) renew(keys.writer, key, stored, found)
    return found
  }
  const decryptAll = <Read extends SettledRead>(keys: readonly string[], all: readonly Read[]) =>
    Promise.all(
      all.map((read, index) =>
        read instanceof Uint8Array ? decrypt(keys[index]!, read) : read,
      ) as (Read | Promise<Uint8Array | undefined>)[],
    )
  const restless = (operation: string) =>
    new StoreError(
      `${operation} on the store '${name}' met another value at each of ${mostTries} looks`,
      { kind: 'overloaded', store: name, operation },
    )

  const view: EncryptedStore = {
    name,
    capabilities: Object.freeze({ ...inner.capabilities, maxValueBytes, encrypted: true }),
    get: async (key) => decrypt(key, await inner.get(key)),
    async set(key, bytes, keep) {
      await inner.set(key, await encrypt(key, bytes, 'set'), keep)
    },
    delete: (key) => inner.delete(key),
    onRefused(hear) {
      const listener = { hear }
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stats: () => ({
      sealed,
      opened,
      resealed,
      refused: {
        plaintext: refused.plaintext,
        unknownKey: refused['unknown-key'],
        damaged: refused.damaged,
      },
      keyReads: ring.reads,
      keyReadErrors: ring.readErrors,
      writesWith,
    }),
  }
  /** Only what the inner store has is passed on: an absent method is how a store says what it cannot do. */
  const more: Partial<Store & SettledReads> = {}
  if (inner.getMany) {
    more.getMany = async (keys) => decryptAll(keys, await inner.getMany!(keys))
  }
  if (inner.getManySettled) {
    more.getManySettled = async (keys) => decryptAll(keys, await inner.getManySettled!(keys))
  }
  if (inner.setMany) {
    more.setMany = async (entries: readonly StoreEntry[]) => {
      const all = entries.map(async (entry) => ({
        ...entry,
        bytes: await encrypt(entry.key, entry.bytes, 'setMany'),
      }))
      await inner.setMany!(await Promise.all(all))
    }
  }
  if (inner.replace) {
    const replace = inner.replace.bind(inner)
    /** A head of another length is compared with what the value decrypts to, and that very value is replaced. */
    const replaceRead = async (
      key: string,
      head: Uint8Array,
      bytes: Uint8Array,
      keep: Keep,
    ): Promise<boolean> => {
      for (let tries = 0; tries < mostTries; tries++) {
        const stored = await inner.get(key)
        const value = await decrypt(key, stored)
        if (stored === undefined || value === undefined || !beginsWith(value, head)) return false
        if (await replace(key, identityOf(stored), bytes, keep)) return true
      }
      throw restless('replace')
    }
    more.replace = async (key, head, bytes, keep) => {
      const own = await encrypt(key, bytes, 'replace')
      return head.byteLength === headBytes
        ? replace(key, sealedHead(head), own, keep)
        : replaceRead(key, head, own, keep)
    }
    if (inner.add) {
      more.add = async (key, bytes, keep) => {
        const own = await encrypt(key, bytes, 'add')
        for (let tries = 0; tries < mostTries; tries++) {
          const there = await inner.add!(key, own, keep)
          if (there === undefined) return undefined
          const value = await decrypt(key, there)
          if (value !== undefined) return value
          // What nobody can read must not be in the way of its key.
          if (await replace(key, identityOf(there), own, keep)) return undefined
        }
        throw restless('add')
      }
    }
  }
  if (inner.metrics) {
    more.metrics = async () => {
      const metrics = await inner.metrics!()
      const unread = refused.plaintext + refused['unknown-key'] + refused.damaged
      return { ...metrics, damaged: (metrics.damaged ?? 0) + unread }
    }
  }
  const asIs = [
    'deleteMany',
    'touch',
    'list',
    'bus',
    'explain',
    'onPrimaryChange',
    'changedElsewhere',
    'metricsByServer',
    'serverStates',
    'close',
  ] as const
  for (const method of asIs) {
    const pass = inner[method] as ((...all: unknown[]) => unknown) | undefined
    if (pass) Object.assign(more, { [method]: (...all: unknown[]) => pass.apply(inner, all) })
  }
  return Object.assign(view, more)
}

function beginsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  return head.every((byte, index) => bytes[index] === byte)
}

/** As core keeps them: those of a namespace for ever, those of a tag for a month. Their keys are in `store-keys.ts`. */
function versionLifeMs(key: string): number {
  return key.endsWith('/%n') || key.endsWith('/%e') ? Number.POSITIVE_INFINITY : monthMs
}
