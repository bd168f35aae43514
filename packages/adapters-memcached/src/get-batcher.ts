import { TurnBatch } from '@holdfast/core/adapter'
import type { Item } from './driver.ts'

/** Where the answers to several gets go: each once, as it comes, in the order of the keys. */
export interface GetAnswers {
  found(index: number, item: Item | undefined): void
  /** For all from `from` on and before `until`. */
  fail(from: number, until: number, error: Error): void
}

/** How one protocol asks its server for several keys in one request. */
export interface GetWire {
  /** Requests that are written and not answered. */
  readonly unanswered: number
  ask(operation: 'get' | 'getMany', keys: readonly string[], answers: GetAnswers): void
  /** Writes what was asked. */
  flush(): void
}

interface Waiting {
  readonly key: string
  resolve(item: Item | undefined): void
  reject(error: Error): void
}

/** The most keys of one request: the server works off a request before it turns to its other clients. */
const maxKeys = 512

/** Joins the gets of one turn of the event loop into one request and one write, which is what most of a get costs. */
export class GetBatcher {
  readonly #wire: GetWire
  readonly #turn: TurnBatch<Waiting>

  constructor(wire: GetWire) {
    this.#wire = wire
    this.#turn = new TurnBatch<Waiting>(
      maxKeys,
      () => wire.unanswered === 0,
      (waiting) => this.#send(waiting),
    )
  }

  get(key: string): Promise<Item | undefined> {
    return new Promise((resolve, reject) => this.#turn.add({ key, resolve, reject }))
  }

  /** Asked at once, in as few requests as they need: whoever asks for many has done the joining. */
  getMany(keys: readonly string[]): Promise<(Item | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const items = new Array<Item | undefined>(keys.length)
      let open = keys.length
      for (let from = 0; from < keys.length; from += maxKeys) {
        this.#wire.ask('getMany', keys.slice(from, from + maxKeys), {
          found(index, item) {
            items[from + index] = item
            if (--open === 0) resolve(items)
          },
          fail: (_from, _until, error) => reject(error),
        })
      }
      this.#wire.flush()
    })
  }

  #send(waiting: readonly Waiting[]): void {
    const keys: string[] = []
    for (const { key } of waiting) keys.push(key)
    this.#wire.ask('get', keys, {
      found: (index, item) => waiting[index]!.resolve(item),
      fail(from, until, error) {
        for (let index = from; index < until; index++) waiting[index]!.reject(error)
      },
    })
    this.#wire.flush()
  }
}
