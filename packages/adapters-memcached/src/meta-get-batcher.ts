import type { ClosedError, StoreError } from '@holdfast/core'
import { atEndOfTurn } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Item } from './driver.ts'
import { MetaGets, type Refuse } from './meta-operations.ts'
import type { MetaReply } from './meta-parser.ts'

interface Waiting {
  readonly key: string
  resolve(item: Item | undefined): void
  reject(error: StoreError | ClosedError): void
}

/** A longer batch would hold up the server's other clients. */
const maxKeys = 512

/**
 * Joins the gets of one turn of the event loop into one operation and one write, which is what most of a get costs.
 *
 * Nothing in flight: written on the next tick, so that a lone get does not wait. Else collected until the turn ends.
 */
export class MetaGetBatcher {
  readonly #connection: Connection<MetaReply>
  readonly #refuse: Refuse
  #waiting: Waiting[] = []

  constructor(connection: Connection<MetaReply>, refuse: Refuse) {
    this.#connection = connection
    this.#refuse = refuse
  }

  get(key: string): Promise<Item | undefined> {
    return new Promise((resolve, reject) => {
      const size = this.#waiting.push({ key, resolve, reject })
      if (size === 1) {
        if (this.#connection.unanswered === 0) process.nextTick(() => this.#flush())
        else atEndOfTurn(() => this.#flush())
      } else if (size === maxKeys) this.#flush()
    })
  }

  async getMany(keys: readonly string[]): Promise<(Item | undefined)[]> {
    const parts: Promise<(Item | undefined)[]>[] = []
    for (let at = 0; at < keys.length; at += maxKeys) {
      const part = keys.slice(at, at + maxKeys)
      parts.push(
        new Promise((resolve, reject) => {
          this.#connection.send(new MetaGets('getMany', part, this.#refuse, resolve, reject))
        }),
      )
    }
    // Whoever asks for many has done the joining; another turn of waiting would be for nothing.
    this.#connection.flush()
    return parts.length === 1 ? parts[0]! : (await Promise.all(parts)).flat()
  }

  #flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    const keys: string[] = []
    for (const { key } of waiting) keys.push(key)
    this.#connection.send(
      new MetaGets(
        'get',
        keys,
        this.#refuse,
        (items) => {
          for (let index = 0; index < waiting.length; index++) waiting[index]!.resolve(items[index])
        },
        (error) => {
          for (const { reject } of waiting) reject(error)
        },
      ),
    )
    this.#connection.flush()
  }
}
