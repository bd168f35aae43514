import { type Clock, StoreError, type TimerHandle } from '@holdfast/core'
import type { ClusterNode } from './cluster-node.ts'
import { type ClusterSlots, parseClusterSlots } from './cluster-slots.ts'
import { slotCount } from './hash-slot.ts'
import type { Redirection } from './redirection.ts'
import { closedError, FalseRedirection, storeError } from './redis-errors.ts'
import { addressKey, type ServerAddress } from './server-address.ts'

/** How nodes are reached. */
export interface ClusterAccess {
  /** Is awaited before anybody is asked. */
  prepare?(): Promise<void>
  /** Who was named by whoever uses the store, and is asked while nothing else is known. */
  named(): readonly ServerAddress[]
  /** What a node calls an address, as what it is reached by from here. */
  translate(address: ServerAddress): ServerAddress
  /** Makes what speaks to a node; nothing is connected before its first command. */
  open(address: ServerAddress, onDown: () => void): ClusterNode
  /** Nothing of the map in use can be reached: whoever else keeps one should look again. */
  lost?(): void
}

/** While all is well the map is looked at this often, so that a change which nobody ran into is known all the same. */
const calmMs = 5_000
/** After a redirection at most this often. */
const movedMs = 1_000
/** While a node of the map does not answer: somebody may be taking its place. */
const awayMs = 400
/** A node that has said nothing for this long is not the only one that is asked. */
const staggerMs = 100

/**
 * Who has which slot. It comes from CLUSTER SLOTS of one node after the other, never of two at once unless one does
 * not answer; redirections correct single slots. Connections go to nodes that were named by whoever uses the store or
 * announced by CLUSTER SLOTS, and to nobody else, whatever a redirection says.
 */
export class ClusterMap {
  readonly #access: ClusterAccess
  readonly #clock: Clock
  readonly #store: string
  readonly #nodes = new Map<string, ClusterNode>()
  readonly #owners: (ClusterNode | undefined)[] = new Array(slotCount).fill(undefined)
  readonly #changed = new Set<() => void>()
  readonly #primaryChanged = new Set<() => void>()
  #slots: ClusterSlots | undefined
  #primaries: readonly ClusterNode[] = []
  #refreshing: Promise<void> | undefined
  #refreshedAt = Number.NEGATIVE_INFINITY
  #failure: unknown
  #timer: TimerHandle
  #dueAt = Number.POSITIVE_INFINITY
  #closed = false

  constructor(access: ClusterAccess, clock: Clock, store: string) {
    this.#access = access
    this.#clock = clock
    this.#store = store
  }

  /** Who has the slot, as far as is known. */
  ownerOf(slot: number): ClusterNode | undefined {
    return this.#owners[slot]
  }

  /** Who has the slot. @throws StoreError, as a rejection, where nobody does or nobody says. */
  async findOwner(slot: number, operation: string): Promise<ClusterNode> {
    await this.#known(operation)
    const owner = this.#owners[slot]
    if (owner !== undefined) return owner
    this.suspect()
    throw this.#error(operation, 'unavailable', 'no node of the cluster serves the slot of the key')
  }

  /** All that have slots. */
  async findPrimaries(operation: string): Promise<readonly ClusterNode[]> {
    await this.#known(operation)
    return this.#primaries
  }

  hasPrimary(node: ClusterNode): boolean {
    return this.#primaries.includes(node)
  }

  /** Whether anybody but `node` answers at present. */
  othersAnswer(node: ClusterNode): boolean {
    return this.#primaries.some((other) => other !== node && other.isUp)
  }

  /** Where a redirection leads. @throws StoreError, as a rejection, where it leads to no node of the cluster. */
  async follow(slot: number, to: Redirection, operation: string): Promise<ClusterNode> {
    const address = this.#access.translate(to.to)
    if (this.#allowed(address) === undefined) await this.refresh().catch(() => undefined)
    if (this.#allowed(address) === undefined)
      throw storeError(new FalseRedirection(), { store: this.#store, operation })
    const node = this.#nodeAt(address)
    if (to.kind === 'moved') {
      if (this.#owners[slot] !== node) {
        this.#tellIfPromoted([[this.#slots?.groupOfSlot[slot] ?? -1, address]])
        this.#owners[slot] = node
      }
      this.#refreshWithin(movedMs)
    }
    return node
  }

  /** Something does not answer as it should: the map may be out of date. */
  suspect(): void {
    this.#refreshWithin(awayMs)
  }

  /** Calls `listener` after every change of the map. */
  onChange(listener: () => void): () => void {
    this.#changed.add(listener)
    return () => this.#changed.delete(listener)
  }

  /** Calls `listener` before a replica is used in the place of the primary it followed. */
  onPrimaryChange(listener: () => void): () => void {
    this.#primaryChanged.add(listener)
    return () => this.#primaryChanged.delete(listener)
  }

  /** Asks again. Whoever asks meanwhile waits for the same answer. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#ask().then(
      (slots) => {
        this.#over(undefined)
        if (!this.#closed) this.#adopt(slots)
      },
      (error: unknown) => {
        this.#over(error)
        throw error
      },
    )
    return this.#refreshing
  }

  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    for (const node of this.#nodes.values()) node.close()
  }

  #over(failure: unknown): void {
    this.#refreshing = undefined
    this.#refreshedAt = this.#clock.monotonic()
    this.#failure = failure
    if (failure !== undefined) this.#access.lost?.()
    const isWhole = failure === undefined && !this.#primaries.some((node) => node.isAway)
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#refreshWithin(isWhole ? calmMs : awayMs)
  }

  async #known(operation: string): Promise<void> {
    if (this.#closed) throw closedError({ store: this.#store, operation })
    if (this.#slots !== undefined) return
    // The last try has failed and the next is not due: nobody waits for it.
    if (this.#failure !== undefined && this.#refreshing === undefined) throw this.#failure
    await this.refresh()
  }

  #refreshWithin(ms: number): void {
    if (this.#closed || this.#refreshing !== undefined) return
    const now = this.#clock.monotonic()
    // Jittered, so that a fleet does not ask all at once.
    const dueAt = Math.max(now, this.#refreshedAt + ms * (0.75 + this.#clock.random() / 4))
    if (dueAt >= this.#dueAt) return
    this.#dueAt = dueAt
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => {
      if (!this.#closed) this.refresh().catch(() => undefined)
    }, dueAt - now)
  }

  /** The first believable answer: of those that are up, then of the others, then of who was named. */
  async #ask(): Promise<ClusterSlots> {
    await this.#access.prepare?.()
    const nodes = [...this.#nodes.values()].sort(
      (a, b) => Number(b.isUp) - Number(a.isUp) || this.#clock.random() - 0.5,
    )
    const addresses = new Map<string, ServerAddress>()
    for (const address of [...nodes.map((node) => node.address), ...this.#access.named()])
      addresses.set(addressKey(address), address)
    const queue = [...addresses.values()]
    return new Promise((resolve, reject) => {
      let failure: unknown
      let open = 0
      let isOver = false
      const next = () => {
        const address = isOver ? undefined : queue.shift()
        if (address === undefined) {
          if (open === 0)
            reject(failure ?? this.#error('cluster', 'unavailable', 'there is no node to ask'))
          return
        }
        open++
        const timer = this.#clock.setTimeout(next, staggerMs)
        this.#askOne(address)
          .then(
            (slots) => {
              isOver = true
              resolve(slots)
            },
            (error: unknown) => {
              failure = error
            },
          )
          .then(() => {
            open--
            this.#clock.clearTimeout(timer)
            next()
          })
      }
      next()
    })
  }

  async #askOne(address: ServerAddress): Promise<ClusterSlots> {
    const node = this.#nodeAt(address)
    const reply = await node.exchange.run('cluster', (client) =>
      client.callBuffer('CLUSTER', ['SLOTS']),
    )
    const slots = parseClusterSlots(reply, address.host, (each) => this.#access.translate(each))
    if (slots !== undefined) return slots
    throw this.#error('cluster', 'protocol', 'a node answered CLUSTER SLOTS with what is no map')
  }

  #adopt(slots: ClusterSlots): void {
    const before = this.#slots
    if (before !== undefined) {
      const changes = new Set<string>()
      const promoted: [number, ServerAddress][] = []
      for (let slot = 0; slot < slotCount; slot++) {
        const [old, now] = [before.groupOfSlot[slot]!, slots.groupOfSlot[slot]!]
        if (old < 0 || now < 0 || changes.has(`${old}:${now}`)) continue
        changes.add(`${old}:${now}`)
        promoted.push([old, slots.groups[now]!.primary])
      }
      this.#tellIfPromoted(promoted)
    }
    this.#slots = slots
    const primaries = slots.groups.map(({ primary }) => this.#nodeAt(primary))
    for (let slot = 0; slot < slotCount; slot++)
      this.#owners[slot] = primaries[slots.groupOfSlot[slot]!]
    this.#primaries = primaries
    this.#forgetOthers(slots)
    for (const listener of this.#changed) listener()
  }

  /** A slot that only moved to another primary took everything with it; a replica may lack what came last. */
  #tellIfPromoted(changes: readonly (readonly [groupBefore: number, now: ServerAddress])[]): void {
    const isPromoted = changes.some(([group, now]) => {
      const replicas = this.#slots?.groups[group]?.replicas ?? []
      return replicas.some((replica) => addressKey(replica) === addressKey(now))
    })
    if (isPromoted) for (const listener of this.#primaryChanged) listener()
  }

  #forgetOthers(slots: ClusterSlots): void {
    const all = slots.groups.flatMap(({ primary, replicas }) => [primary, ...replicas])
    const known = new Set([...all, ...this.#access.named()].map(addressKey))
    for (const [key, node] of this.#nodes) {
      if (known.has(key)) continue
      this.#nodes.delete(key)
      node.close()
    }
  }

  /** Named, or announced. */
  #allowed(address: ServerAddress): ServerAddress | undefined {
    const key = addressKey(address)
    const announced = this.#slots?.groups ?? []
    return [
      ...this.#access.named(),
      ...announced.flatMap(({ primary, replicas }) => [primary, ...replicas]),
    ].find((each) => addressKey(each) === key)
  }

  #nodeAt(address: ServerAddress): ClusterNode {
    const key = addressKey(address)
    let node = this.#nodes.get(key)
    if (node === undefined) {
      node = this.#access.open(address, () => this.suspect())
      this.#nodes.set(key, node)
    }
    return node
  }

  #error(operation: string, kind: 'unavailable' | 'protocol', why: string): StoreError {
    return new StoreError(`${operation} on the store '${this.#store}' failed: ${why}`, {
      kind,
      store: this.#store,
      operation,
      retryable: true,
    })
  }
}
