import type { ClosedError, StoreError } from '@holdfast/core'
import { atEndOfTurn } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Item } from './driver.ts'
import { type GetAnswers, MetaGets } from './meta-gets.ts'
import type { Refuse } from './meta-operations.ts'
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

  /** Asked at once, in as few batches as they need: whoever asks for many has done the joining. */
  getMany(keys: readonly string[]): Promise<(Item | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const items = new Array<Item | undefined>(keys.length)
      let open = keys.length
      for (let from = 0; from < keys.length; from += maxKeys) {
        this.#ask('getMany', keys.slice(from, from + maxKeys), {
          found(index, item) {
            items[from + index] = item
            if (--open === 0) resolve(items)
          },
          fail: (_from, _until, error) => reject(error),
        })
      }
      this.#connection.flush()
    })
  }

  #flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    const keys: string[] = []
    for (const { key } of waiting) keys.push(key)
    this.#ask('get', keys, {
      found: (index, item) => waiting[index]!.resolve(item),
      fail(from, until, error) {
        for (let index = from; index < until; index++) waiting[index]!.reject(error)
      },
    })
    this.#connection.flush()
  }

  #ask(name: string, keys: readonly string[], answers: GetAnswers): void {
    this.#connection.send(new MetaGets(name, keys, this.#refuse, answers))
  }
}
