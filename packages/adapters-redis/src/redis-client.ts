/** What may stand in a command. */
export type RedisArgument = string | Buffer | number

/**
 * The few members of ioredis's `Redis` that this package uses, so that nobody needs its types to compile. A type test
 * holds it against ioredis 5 and 6.
 */
export interface RedisClient {
  readonly status: string
  readonly isCluster: boolean
  readonly options: {
    readonly keyPrefix?: string | undefined
    readonly host?: string | undefined
    readonly port?: number | undefined
  }
  readonly stream?:
    | { destroy(): unknown; cork?(): void; uncork?(): void; readonly writableCorked?: number }
    | undefined
  connect(): Promise<void>
  disconnect(reconnect?: boolean): void
  duplicate(override?: object): RedisClient
  mgetBuffer(keys: string[]): Promise<(Buffer | null)[]>
  callBuffer(command: string, args: RedisArgument[]): Promise<unknown>
  pipeline(commands: unknown[][]): {
    exec(): Promise<[error: Error | null, result: unknown][] | null>
  }
  subscribe(channel: string): Promise<unknown>
  ssubscribe(channel: string): Promise<unknown>
  on(event: 'ready' | 'close' | 'moved', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(
    event: 'messageBuffer' | 'smessageBuffer',
    listener: (channel: Buffer, message: Buffer) => void,
  ): unknown
  off(event: 'ready' | 'close' | 'error', listener: () => void): unknown
}

/** The few members of ioredis's `Cluster` that this package uses. It routes by itself, over the clients of the nodes. */
export interface RedisClusterClient {
  readonly status: string
  readonly isCluster: boolean
  readonly options: {
    readonly keyPrefix?: string | undefined
    readonly redisOptions?: { readonly keyPrefix?: string | undefined } | undefined
    readonly natMap?:
      | Readonly<Record<string, { readonly host: string; readonly port: number }>>
      | ((key: string) => { readonly host: string; readonly port: number } | null)
      | undefined
  }
  connect(): Promise<void>
  nodes(role?: 'all'): RedisClient[]
  refreshSlotsCache(callback?: (error?: Error | null) => void): void
  callBuffer(command: string, args: RedisArgument[]): Promise<unknown>
  on(event: 'ready' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'ready' | 'close' | 'error', listener: () => void): unknown
}

/** A client is told from options by what only a client has. */
export function isRedisClient(given: unknown): given is RedisClient | RedisClusterClient {
  if (typeof given !== 'object' || given === null) return false
  return 'callBuffer' in given && typeof given.callBuffer === 'function' && 'status' in given
}

/**
 * Ends a client's connection now. `disconnect` alone first writes out what is still waiting, and a write that nobody
 * waits for any more must not happen.
 */
export function cutOff(client: RedisClient, reconnect = false): void {
  client.disconnect(reconnect)
  client.stream?.destroy()
}

/** The server has taken the connection and not answered the TLS handshake. ioredis counts that as connecting. */
export function awaitsTls({ status, stream }: RedisClient): boolean {
  if (status !== 'connecting' || stream === undefined) return false
  return 'encrypted' in stream && 'connecting' in stream && stream.connecting === false
}

/** The same bytes under the class that ioredis writes as they are. Nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A cluster's own client is told by what it can list. */
export function isClusterClient(
  client: RedisClient | RedisClusterClient,
): client is RedisClusterClient {
  return client.isCluster && 'nodes' in client
}

/** What is written to a client in one turn goes to the server in one piece, from here to the turn's end. */
export function gatherWrites({ stream }: RedisClient): void {
  if (stream?.cork === undefined || stream.writableCorked !== 0) return
  stream.cork()
  process.nextTick(() => stream.uncork?.())
}
