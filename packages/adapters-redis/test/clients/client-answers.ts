import type { CacheOptions } from '@holdfast/core'

interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** What a client process is started with: options of its cache that JSON can say, and where its servers are. */
export interface ClientSettings
  extends Pick<CacheOptions, 'defaults' | 'memory' | 'namespace' | 'resilience'> {
  /** Of `port`; default this machine. */
  readonly host?: string
  readonly port?: number
  /** In the place of `port`: nodes of a cluster. */
  readonly cluster?: readonly ServerAddress[]
  /** In the place of `port`: sentinels, and what they call the primary. */
  readonly sentinels?: { readonly at: readonly ServerAddress[]; readonly name: string }
  /** A bus of its own, apart from the store's. */
  readonly busPort?: number
  readonly bus?: false
  /** For stories in which the store is never at fault, however crowded the machine: it may take 5 s to answer. */
  readonly patient?: true
}

/** What became of calls that all began at once. */
export interface AtOnce {
  readonly results: readonly {
    readonly value?: string
    readonly error?: string
    readonly ms: number
  }[]
  /** When the loader ran, in milliseconds since the calls began. */
  readonly loadedAt: readonly number[]
}

export interface Polled {
  /** By key: when a call began that was answered with the old value. */
  readonly lastOldAt: Readonly<Record<string, number>>
}

/** Times in milliseconds since the traffic began. */
export interface Traffic {
  readonly calls: number
  readonly failed: number
  readonly wrong: number
  readonly times: readonly { readonly atMs: number; readonly ms: number }[]
  readonly loadedAt: Readonly<Record<string, readonly number[]>>
  /** The longest time that the process itself was kept from running, after the calm. */
  readonly lagMs: number
}
