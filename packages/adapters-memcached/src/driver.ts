/** What a server keeps under a key. */
export interface Item {
  /**
   * The value, copied out of what was received, which it does not hold on to. By the meta protocol small ones
   * share memory, of which one may hold 8 KiB; by the binary protocol each has memory of its own.
   */
  readonly bytes: Uint8Array
  /** The 32 bits that were stored with it. */
  readonly flags: number
  /** Names this very state of the item: a later write under the same key gives another. */
  readonly cas: bigint
}

/** `exists`: the item has been written since. `missing`: there is none any more. */
export type CompareAndSetOutcome = 'stored' | 'exists' | 'missing'

/**
 * One server's commands, whatever protocol carries them. A translation and nothing else: keys arrive legal (1 to 250
 * bytes of ASCII without blanks and control characters), lifetimes as the number that goes over the wire (seconds, or
 * a Unix time above 30 days; 0 for ever), values as the bytes they are.
 *
 * Every command settles by its deadline, one way or another. It rejects with a `StoreError` whose kind is `timeout`,
 * `unavailable` (no connection, or one that was lost), `overloaded` (too much is pending), `too-large`, `full` (the
 * server is out of memory), `auth`, `denied` or `protocol`, or with a `ClosedError` after `close()`. A command that
 * could not be written when it was called is never written later than its deadline; none is ever repeated.
 */
export interface Driver {
  /** The server as it is configured, for messages: `host:port` or a path. */
  readonly address: string
  get(key: string): Promise<Item | undefined>
  /** In the order asked, in one round trip. */
  getMany(keys: readonly string[]): Promise<(Item | undefined)[]>
  /** A server that refuses a value, as too large or for want of memory, has deleted what it had under the key. */
  set(key: string, bytes: Uint8Array, expiry: number, flags?: number): Promise<void>
  /** Stores unless something is there; false: something is. */
  add(key: string, bytes: Uint8Array, expiry: number, flags?: number): Promise<boolean>
  /**
   * Stores unless something is there, and answers what is, in one round trip. `'gone'`: something was, and is no more.
   */
  addOrGet(
    key: string,
    bytes: Uint8Array,
    expiry: number,
    flags?: number,
  ): Promise<'stored' | 'gone' | Item>
  /** Stores only over the state of the item that `cas` names. */
  compareAndSet(
    key: string,
    bytes: Uint8Array,
    expiry: number,
    cas: bigint,
    flags?: number,
  ): Promise<CompareAndSetOutcome>
  /** Whether there was something to delete. */
  delete(key: string): Promise<boolean>
  /** Gives an item another lifetime; false: there is none. */
  touch(key: string, expiry: number): Promise<boolean>
  /** The server's counters, or those of one section such as `'slabs'` or `'settings'`. */
  stats(section?: string): Promise<Map<string, string>>
  version(): Promise<string>
  /** Ends the connection; what is pending rejects at once with a `ClosedError`. */
  close(): Promise<void>
}
