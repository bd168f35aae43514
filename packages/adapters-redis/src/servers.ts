import type { SettledRead } from '@holdfast/core'
import type { RedisArgument, RedisClient } from './redis-client.ts'

/** The way of commands to a server. */
export interface Way {
  /** How many commands are written and not answered. */
  readonly unanswered: number
  /** Runs one command, or several that are written together. */
  run<T>(operation: string, send: (client: RedisClient) => Promise<T>): Promise<T>
}

export interface ServerWay extends Way {
  readonly address?: string
}

/** A command in lower case, and the one name it touches. */
export type NamedCommand = readonly [command: string, name: string, ...rest: RedisArgument[]]

/**
 * The server of a store, or several of them that know which key is whose. A key is kept under a name, which on a
 * cluster may be another one than the key.
 */
export interface Servers {
  nameOf(key: string): string
  keyOf(name: string): string
  /** How the names of all keys with this prefix may begin. */
  startsOf(prefix: string): readonly string[]
  /** The way of commands that touch this name and no other. */
  at(name: string): Way
  /** The way of what is published on a channel. */
  atChannel(channel: string): Way
  get(name: string): Promise<Uint8Array | undefined>
  /** Rejects if not one could be read. */
  getMany(names: readonly string[], operation: string): Promise<(Uint8Array | undefined)[]>
  /** Where there are several servers: what is known of each name although one of them does not answer. */
  getManySettled?(names: readonly string[]): Promise<SettledRead[]>
  /** Runs all commands, and rejects with the first failure once all are answered. */
  runAll(operation: string, commands: readonly NamedCommand[]): Promise<void>
  deleteMany(operation: string, names: readonly string[]): Promise<void>
  /** One for each server that keeps names of its own, with its address where there are several. */
  everyWay(): Promise<readonly ServerWay[]>
  close(): void
}
