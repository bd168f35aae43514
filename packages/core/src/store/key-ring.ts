import { type Clock, keepAlive } from '../clock.ts'
import { isCacheError, StoreError } from '../errors.ts'
import { describeKind, unmet } from '../options/expectation.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject, readText } from '../options/readers.ts'
import { maxIdBytes, type SealingKey } from './sealed-bytes.ts'
import { secretBytes, Xaes } from './xaes.ts'

/** A key and the name it has in what it sealed. */
export interface EncryptionKey {
  /** Stands in clear in every value. 1 to 64 bytes of UTF-8. */
  readonly id: string
  /** 32 random bytes; of a string, in UTF-8. */
  readonly secret: Uint8Array | string
}

/** The first key writes, all of them read. */
export type EncryptionKeys = readonly EncryptionKey[]

/** Asked for the keys at the first use, and again while the store is used; behind the callers where it takes a promise's time. */
export type KeyProvider = () => EncryptionKeys | Promise<EncryptionKeys>

export interface KeySet {
  readonly writer: SealingKey
  readonly byId: ReadonlyMap<string, SealingKey>
}

/** A key that nobody here knows may be new: then the provider is asked at once, and at most so often. */
const unknownPauseMs = 1_000
/** A provider that failed is asked again after this long. */
const failedPauseMs = 1_000
/** One that has not answered for this long has failed. */
const patienceMs = 5_000

const readId = readText(maxIdBytes)

/** The keys as they are now. A provider is asked behind the callers, but at the first use, and by no timer of its own. */
export class KeyRing {
  readonly #provider: KeyProvider | undefined
  readonly #rereadMs: number
  readonly #clock: Clock
  readonly #store: string
  #set: KeySet | undefined
  #reading: Promise<KeySet> | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #failure: StoreError | undefined
  reads = 0
  readErrors = 0

  /** @throws InvalidOptionError for keys that are none. */
  constructor(keys: unknown, rereadMs: number, clock: Clock, store: string) {
    this.#rereadMs = rereadMs
    this.#clock = clock
    this.#store = store
    if (typeof keys === 'function') this.#provider = keys as KeyProvider
    else this.#set = readKeys(keys, 'keys')
  }

  /** @throws StoreError, as a rejection, where the provider has not brought any yet. */
  current(): KeySet | Promise<KeySet> {
    const set = this.#set
    if (this.#provider === undefined) return set!
    const now = this.#clock.monotonic()
    if (set === undefined) {
      if (this.#failure !== undefined && now - this.#failedAt < failedPauseMs)
        return Promise.reject(this.#failure)
      return this.#read(now)
    }
    if (now - this.#readAt >= this.#rereadMs && now - this.#failedAt >= failedPauseMs)
      Promise.resolve(this.#read(now)).catch(() => {
        // Counted; the keys that are there go on being used.
      })
    return this.#set ?? set
  }

  /** The keys after an unknown one was met: the provider's newest, unless it has just been asked. */
  async afterUnknown(): Promise<KeySet | undefined> {
    if (this.#provider === undefined) return undefined
    const now = this.#clock.monotonic()
    if (
      this.#reading === undefined &&
      now - Math.max(this.#readAt, this.#failedAt) < unknownPauseMs
    )
      return undefined
    try {
      return await this.#read(now)
    } catch {
      return undefined
    }
  }

  /** What a provider returns at once is there at once. */
  #read(now: number): KeySet | Promise<KeySet> {
    if (this.#reading !== undefined) return this.#reading
    this.reads++
    let asked: unknown
    try {
      asked = this.#provider!()
      if (!(asked instanceof Promise)) return this.#take(asked, now)
    } catch (error) {
      return Promise.reject(this.#failed(error))
    }
    const reading = this.#whenAsked(asked, now).finally(() => {
      if (this.#reading === reading) this.#reading = undefined
    })
    this.#reading = reading
    return reading
  }

  async #whenAsked(asked: Promise<unknown>, now: number): Promise<KeySet> {
    try {
      return this.#take(await this.#patiently(asked), now)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Whoever waits for keys waits for an end: a provider may hang. */
  #patiently(asked: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const late = new Error(`the key provider did not answer within ${patienceMs} ms`)
      const timer = this.#clock.setTimeout(() => reject(late), patienceMs)
      keepAlive(timer, false)
      asked.then(resolve, reject).finally(() => this.#clock.clearTimeout(timer))
    })
  }

  #take(list: unknown, now: number): KeySet {
    const set = readKeys(list, 'what the key provider returned')
    // One that answers late must not bring back what a later answer dropped.
    if (now >= this.#readAt) {
      this.#set = set
      this.#readAt = now
      this.#failure = undefined
    }
    return set
  }

  #failed(error: unknown): StoreError {
    this.readErrors++
    this.#failedAt = this.#clock.monotonic()
    this.#failure = new StoreError(
      `the store '${this.#store}' has no keys to encrypt with: ${isCacheError(error) ? (error as Error).message : 'its key provider failed, see cause'}`,
      { kind: 'unavailable', store: this.#store, cause: error },
    )
    return this.#failure
  }
}

/** @throws InvalidOptionError naming the option; never a secret. */
function readKeys(list: unknown, where: string): KeySet {
  if (!Array.isArray(list) || list.length === 0) {
    throw unmet(
      where,
      'an array of { id, secret } with at least one key, or a function that returns one',
      list,
      Array.isArray(list) ? 'empty' : describeKind(list),
    )
  }
  const byId = new Map<string, SealingKey>()
  for (const [index, item] of list.entries()) {
    const at = `${where}[${index}]`
    const key = readObject(item, at) as Record<string, unknown>
    refuseUnknownNames(key, ['id', 'secret'], at)
    const id = readId(key.id, `${at}.id`)
    if (byId.has(id)) throw unmet(`${at}.id`, 'unlike the ids before it', id, 'there twice')
    const cipher = new Xaes(readSecret(key.secret, `${at}.secret`))
    byId.set(id, { id, idBytes: Buffer.from(id), cipher })
  }
  const [writer] = byId.values()
  return { writer: writer!, byId }
}

function readSecret(secret: unknown, option: string): Uint8Array {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  const isBytes = bytes instanceof Uint8Array
  if (isBytes && bytes.byteLength === secretBytes) return bytes
  throw unmet(
    option,
    `${secretBytes} bytes, as a Uint8Array or as a string of so many bytes; of text in base64, Buffer.from(text, 'base64')`,
    secret,
    isBytes ? `of ${bytes.byteLength} bytes` : describeKind(secret),
  )
}
