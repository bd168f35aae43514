import { type Clock, type SettledRead, StoreError } from '@holdfast/core'
import { asking } from './asking.ts'
import { type ClusterAccess, ClusterMap } from './cluster-map.ts'
import type { ClusterNode, NodeAnswer } from './cluster-node.ts'
import { slotOf, withHashTag, withoutHashTag } from './hash-slot.ts'
import { Redirection, redirectionOf } from './redirection.ts'
import type { RedisArgument, RedisClient } from './redis-client.ts'
import { addressKey } from './server-address.ts'
import type { NamedCommand, Servers, ServerWay, Way } from './servers.ts'
import { chunks } from './single-server.ts'
import { slotsByNode } from './slots-by-node.ts'

/** A command is passed on so many times at most: a slot that moves while it is asked for takes two. */
const mostRedirections = 4
const perPipeline = 512

/** Several servers as a cluster: each name on the node that has its slot. */
export class ClusterServers implements Servers {
  readonly map: ClusterMap
  readonly #store: string

  constructor(access: ClusterAccess, clock: Clock, store: string) {
    this.map = new ClusterMap(access, clock, store)
    this.#store = store
  }

  nameOf(key: string): string {
    return withoutHashTag(key)
  }

  keyOf(name: string): string {
    return withHashTag(name)
  }

  startsOf(prefix: string): readonly string[] {
    return [prefix, `{}${prefix}`]
  }

  at(name: string): Way {
    const slot = slotOf(name)
    const owner = this.map.ownerOf(slot)
    return {
      // Where nobody is known yet, nobody has been written to.
      unanswered: owner?.exchange.unanswered ?? 0,
      run: (operation, send) => this.#run(slot, operation, send),
    }
  }

  atChannel(channel: string): Way {
    const slot = slotOf(channel)
    // No caller waits for what is published, so it need not be in time for one.
    return {
      unanswered: 0,
      run: (operation, send) => this.#run(slot, operation, send, { isPatient: true }),
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const slot = slotOf(name)
    const node = this.map.ownerOf(slot) ?? (await this.map.findOwner(slot, 'get'))
    let answer: NodeAnswer
    try {
      answer = await node.get(name, slot)
    } catch (error) {
      throw this.#failed(node, 'get', error)
    }
    if (answer instanceof StoreError) throw this.#failed(node, 'get', answer)
    return answer instanceof Redirection ? this.#getElsewhere(name, slot, answer, 'get') : answer
  }

  async getMany(names: readonly string[], operation: string): Promise<(Uint8Array | undefined)[]> {
    const answers = await this.#settled(names, operation)
    const failure = answers.find((answer) => answer instanceof StoreError)
    if (failure !== undefined && answers.every((answer) => answer instanceof StoreError))
      throw failure
    return answers.map((answer) => (answer instanceof Uint8Array ? answer : undefined))
  }

  getManySettled(names: readonly string[]): Promise<SettledRead[]> {
    return this.#settled(names, 'getMany')
  }

  async runAll(operation: string, commands: readonly NamedCommand[]): Promise<void> {
    const slots = commands.map(([, name]) => slotOf(name))
    const parts = await slotsByNode(this.map, slots, operation)
    const work = parts.map(([node, indexes]) =>
      chunks(indexes, perPipeline).map((some) =>
        this.#runPart(
          node,
          some.map((index) => [commands[index]!, slots[index]!]),
          operation,
        ),
      ),
    )
    const results = await Promise.allSettled(work.flat())
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  deleteMany(operation: string, names: readonly string[]): Promise<void> {
    const bySlot = new Map<number, string[]>()
    for (const name of names) {
      const slot = slotOf(name)
      const same = bySlot.get(slot)
      if (same === undefined) bySlot.set(slot, [name])
      else same.push(name)
    }
    // Names of one slot may share a command.
    const commands = [...bySlot.values()].flatMap((same) =>
      chunks(same, perPipeline).map(([first, ...more]): NamedCommand => ['del', first!, ...more]),
    )
    return this.runAll(operation, commands)
  }

  async everyWay(): Promise<readonly ServerWay[]> {
    const primaries = await this.map.findPrimaries('list')
    return primaries.map(({ address, exchange }) => ({
      address: addressKey(address),
      unanswered: exchange.unanswered,
      run: (operation, send) => exchange.run(operation, send),
    }))
  }

  close(): void {
    this.map.close()
  }

  async #settled(names: readonly string[], operation: string): Promise<SettledRead[]> {
    const slots = names.map(slotOf)
    const answers = new Array<SettledRead>(names.length).fill(undefined)
    const parts = await slotsByNode(this.map, slots, operation, (index, error) => {
      answers[index] = error
    })
    await Promise.all(
      parts.map(([node, indexes]) =>
        this.#readPart(node, indexes, names, slots, operation, answers),
      ),
    )
    return answers
  }

  async #readPart(
    node: ClusterNode,
    indexes: readonly number[],
    names: readonly string[],
    slots: readonly number[],
    operation: string,
    answers: SettledRead[],
  ): Promise<void> {
    let part: NodeAnswer[]
    try {
      const [their, of] = [names, slots].map((all) => indexes.map((index) => all[index]!))
      part = await node.getMany(their as string[], of as number[], operation)
    } catch (error) {
      const failure = this.#failed(node, operation, error) as StoreError
      for (const index of indexes) answers[index] = failure
      return
    }
    const elsewhere: Promise<void>[] = []
    for (let at = 0; at < indexes.length; at++) {
      const index = indexes[at]!
      const answer = part[at]
      if (!(answer instanceof Redirection)) {
        answers[index] = answer
        continue
      }
      elsewhere.push(
        this.#getElsewhere(names[index]!, slots[index]!, answer, operation).then(
          (bytes) => {
            answers[index] = bytes
          },
          (error: StoreError) => {
            answers[index] = error
          },
        ),
      )
    }
    await Promise.all(elsewhere)
  }

  /** All commands of one node in one write; those that are redirected follow alone. */
  async #runPart(
    node: ClusterNode,
    part: readonly (readonly [command: NamedCommand, slot: number])[],
    operation: string,
  ): Promise<void> {
    let redirected: (readonly [NamedCommand, number, Redirection])[]
    try {
      redirected = await node.run(operation, async (client) => {
        const results = (await client.pipeline(part.map(([command]) => [...command])).exec()) ?? []
        if (results.length !== part.length) throw new Error('Command aborted')
        const redirections: (readonly [NamedCommand, number, Redirection])[] = []
        let failure: Error | undefined
        for (let index = 0; index < part.length; index++) {
          const error = results[index]![0]
          if (error === null) continue
          const [command, slot] = part[index]!
          const redirection = redirectionOf(error, slot, node.address.host)
          if (redirection === undefined) failure ??= error
          else redirections.push([command, slot, redirection])
        }
        if (failure !== undefined) throw failure
        return redirections
      })
    } catch (error) {
      throw this.#failed(node, operation, error)
    }
    await Promise.all(
      redirected.map(([[command, ...args], slot, redirection]) =>
        this.#run(
          slot,
          operation,
          (client) => client.callBuffer(command, args as RedisArgument[]),
          { first: redirection },
        ),
      ),
    )
  }

  #getElsewhere(
    name: string,
    slot: number,
    redirection: Redirection,
    operation: string,
  ): Promise<Uint8Array | undefined> {
    return this.#run(
      slot,
      operation,
      async (client) => (await client.mgetBuffer([name]))[0] ?? undefined,
      { first: redirection },
    )
  }

  /** Runs what touches one slot alone, wherever the nodes say that it is. */
  async #run<T>(
    slot: number,
    operation: string,
    send: (client: RedisClient) => Promise<T>,
    { first, isPatient = false }: { first?: Redirection; isPatient?: boolean } = {},
  ): Promise<T> {
    let node = this.map.ownerOf(slot) ?? (await this.map.findOwner(slot, operation))
    let redirection = first
    for (let hops = 0; hops <= mostRedirections; hops++) {
      if (redirection !== undefined) node = await this.map.follow(slot, redirection, operation)
      const isAsked = redirection?.kind === 'ask'
      const { host } = node.address
      let answer: T | Redirection
      try {
        answer = await (isPatient ? node.exchange : node).run(operation, async (client) => {
          try {
            return await send(isAsked ? asking(client) : client)
          } catch (error) {
            const elsewhere = redirectionOf(error, slot, host)
            if (elsewhere === undefined) throw error
            return elsewhere
          }
        })
      } catch (error) {
        throw this.#failed(node, operation, error)
      }
      if (!(answer instanceof Redirection)) return answer
      redirection = answer
    }
    throw new StoreError(
      `${operation} on the store '${this.#store}' was sent from node to node ${mostRedirections} times; the nodes do not agree who has the slot`,
      { kind: 'unavailable', store: this.#store, operation, partial: true, retryable: true },
    )
  }

  /** The failure of one node, as what it means for the store: some of its keys. */
  #failed(node: ClusterNode, operation: string, error: unknown): unknown {
    if (!(error instanceof StoreError)) return error
    if (error.kind === 'timeout' || error.kind === 'unavailable') this.map.suspect()
    const { kind, retryable, message } = error
    return new StoreError(message, {
      kind,
      retryable,
      store: this.#store,
      operation,
      partial: this.map.othersAnswer(node),
      cause: error.cause,
    })
  }
}
