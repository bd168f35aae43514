import { randomBytes } from 'node:crypto'
import type { StoreError } from '@holdfast/core'
import { TurnBatch } from '@holdfast/core/adapter'
import type { Connection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { NodePulse } from './node-pulse.ts'
import { type Redirection, redirectionOf } from './redirection.ts'
import type { RedisClient } from './redis-client.ts'
import { ReplyMismatch, refusalCode, storeError } from './redis-errors.ts'
import type { ServerAddress } from './server-address.ts'

/** What a node says of a name: what it has, that another node has it, or why it does not say. */
export type NodeAnswer = Uint8Array | undefined | Redirection | StoreError

interface WaitingGet {
  readonly name: string
  readonly slot: number
  resolve(answer: NodeAnswer): void
  reject(error: unknown): void
}

/** The most gets of one pipeline: a longer one would hold up the node's other clients. */
const mostInPipeline = 512

/**
 * One node of a cluster, with a connection of its own. Names of different slots cannot share an MGET, so the gets of
 * one turn of the event loop share one write; a PING with a random word behind them proves that none of their replies
 * belongs to another command.
 */
export class ClusterNode {
  readonly address: ServerAddress
  readonly connection: Connection
  readonly exchange: Exchange
  readonly pulse: NodePulse
  readonly #store: string
  readonly #turn: TurnBatch<WaitingGet>

  constructor(
    address: ServerAddress,
    connection: Connection,
    exchange: Exchange,
    pulse: NodePulse,
    store: string,
  ) {
    this.address = address
    this.connection = connection
    this.exchange = exchange
    this.pulse = pulse
    this.#store = store
    this.#turn = new TurnBatch<WaitingGet>(
      mostInPipeline,
      () => exchange.unanswered === 0,
      (waiting) => this.#send(waiting),
    )
  }

  get isUp(): boolean {
    return this.connection.client !== undefined && !this.pulse.isSilent
  }

  /** It should answer and does not; one that nobody has spoken to yet is not away. */
  get isAway(): boolean {
    return this.connection.isAway || this.pulse.isSilent
  }

  get(name: string, slot: number): Promise<NodeAnswer> {
    return this.pulse.within('get', () => this.#get(name, slot))
  }

  #get(name: string, slot: number): Promise<NodeAnswer> {
    return new Promise((resolve, reject) => this.#turn.add({ name, slot, resolve, reject }))
  }

  /** One command, or several that are written together, in the time that one node is given. */
  run<T>(operation: string, send: (client: RedisClient) => Promise<T>): Promise<T> {
    return this.pulse.within(operation, () => this.exchange.run(operation, send))
  }

  /** The answers to many names, in the order asked. */
  getMany(
    names: readonly string[],
    slots: readonly number[],
    operation: string,
  ): Promise<NodeAnswer[]> {
    return this.pulse.within(operation, () => this.#getMany(names, slots, operation))
  }

  async #getMany(
    names: readonly string[],
    slots: readonly number[],
    operation: string,
  ): Promise<NodeAnswer[]> {
    const parts: Promise<NodeAnswer[]>[] = []
    for (let at = 0; at < names.length; at += mostInPipeline) {
      const [some, their] = [names, slots].map((all) => all.slice(at, at + mostInPipeline))
      parts.push(
        this.exchange.run(operation, (client) =>
          this.#read(client, some as string[], their as number[], operation),
        ),
      )
    }
    return (await Promise.all(parts)).flat()
  }

  #send(waiting: readonly WaitingGet[]): void {
    const names: string[] = []
    const slots: number[] = []
    for (const { name, slot } of waiting) {
      names.push(name)
      slots.push(slot)
    }
    this.exchange.begin(
      'get',
      (client) => this.#read(client, names, slots, 'get'),
      (answers) => {
        for (let index = 0; index < waiting.length; index++) waiting[index]!.resolve(answers[index])
      },
      (error) => {
        for (const { reject } of waiting) reject(error)
      },
    )
  }

  #read(
    client: RedisClient,
    names: readonly string[],
    slots: readonly number[],
    operation: string,
  ): Promise<NodeAnswer[]> {
    // Alone on the connection, its reply can be nobody else's.
    if (names.length === 1 && this.exchange.unanswered <= 1)
      return this.#readOne(client, names[0]!, slots[0]!)
    return this.#readPiped(client, names, slots, operation)
  }

  async #readOne(client: RedisClient, name: string, slot: number): Promise<NodeAnswer[]> {
    try {
      const replies = await client.mgetBuffer([name])
      if (!Array.isArray(replies) || replies.length !== 1) throw new ReplyMismatch()
      const [reply] = replies
      if (reply !== null && !Buffer.isBuffer(reply)) throw new ReplyMismatch()
      return [reply ?? undefined]
    } catch (error) {
      const redirection = redirectionOf(error, slot, this.address.host)
      if (redirection === undefined) throw error
      return [redirection]
    }
  }

  async #readPiped(
    client: RedisClient,
    names: readonly string[],
    slots: readonly number[],
    operation: string,
  ): Promise<NodeAnswer[]> {
    const word = randomBytes(6).toString('hex')
    const commands: unknown[][] = names.map((name) => ['getBuffer', name])
    commands.push(['ping', word])
    const replies = (await client.pipeline(commands).exec()) ?? []
    const [unpinged, pong] = replies[names.length] ?? []
    // Without the right to PING there is an answer in its place at least.
    const isProved = pong === word || refusalCode(unpinged) === 'NOPERM'
    if (replies.length !== commands.length || !isProved) throw unpinged ?? new ReplyMismatch()
    return names.map((_, index) => {
      const [error, reply] = replies[index]!
      if (error === null) {
        if (reply === null) return undefined
        if (!Buffer.isBuffer(reply)) throw new ReplyMismatch()
        return reply
      }
      // Whatever is not the server's word concerns the connection, and with it all of them.
      if (refusalCode(error) === undefined) throw error
      const redirection = redirectionOf(error, slots[index]!, this.address.host)
      return redirection ?? (storeError(error, { store: this.#store, operation }) as StoreError)
    })
  }

  close(): void {
    this.pulse.close()
    this.exchange.close()
    this.connection.close()
  }
}
