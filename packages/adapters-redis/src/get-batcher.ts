import { atEndOfTurn } from './clock.ts'
import type { Exchange } from './exchange.ts'

interface Waiting {
  readonly key: string
  resolve(bytes: Uint8Array | undefined): void
  reject(error: unknown): void
}

type Replies = readonly (Buffer | null)[]

/** The most keys of one MGET: a longer one would hold up the server's other clients. */
const maxKeys = 512
/** Replies that follow each other differ in their length modulo this. */
const lengthClasses = 4

/**
 * Joins the gets of one turn of the event loop into one MGET: one command, one promise and one parse for all, which is
 * what most of a get costs.
 *
 * Nothing in flight: written on the next tick, so that a lone get does not wait. Else collected until the turn ends.
 * Batching per tick alone would be a loss for gets that come from callbacks of their own, as requests do.
 */
export class GetBatcher {
  readonly #exchange: Exchange
  #waiting: Waiting[] = []
  #lengthClass = 0

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const size = this.#waiting.push({ key, resolve, reject })
      if (size === 1) {
        if (this.#exchange.unanswered === 0) process.nextTick(() => this.#flush())
        else atEndOfTurn(() => this.#flush())
      } else if (size === maxKeys) this.#flush()
    })
  }

  /** The answers to many keys, asked at once in as few commands as they need. */
  many(keys: readonly string[], operation: string): Promise<(Uint8Array | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([])
    return keys.length <= maxKeys ? this.#few(keys, operation) : this.#inParts(keys, operation)
  }

  #few(keys: readonly string[], operation: string): Promise<(Uint8Array | undefined)[]> {
    return new Promise((resolve, reject) => {
      const answered = (replies: Replies) => resolve(answersOf(replies, keys.length))
      this.#mget(keys as string[], operation, answered, reject)
    })
  }

  async #inParts(keys: readonly string[], operation: string): Promise<(Uint8Array | undefined)[]> {
    const parts: Promise<Replies>[] = []
    for (let at = 0; at < keys.length; at += maxKeys) {
      const part = keys.slice(at, at + maxKeys)
      parts.push(new Promise((resolve, reject) => this.#mget(part, operation, resolve, reject)))
    }
    const answers: (Uint8Array | undefined)[] = []
    for (const [index, replies] of (await Promise.all(parts)).entries()) {
      answers.push(...answersOf(replies, Math.min(maxKeys, keys.length - index * maxKeys)))
    }
    return answers
  }

  #flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    const keys: string[] = []
    for (const { key } of waiting) keys.push(key)
    this.#mget(
      keys,
      'get',
      (replies) => {
        for (let index = 0; index < waiting.length; index++) {
          waiting[index]!.resolve(replies[index] ?? undefined)
        }
      },
      (error) => {
        for (const { reject } of waiting) reject(error)
      },
    )
  }

  #mget(
    keys: string[],
    operation: string,
    resolve: (replies: Replies) => void,
    reject: (error: unknown) => void,
  ): void {
    let asked = keys
    this.#exchange.begin<Replies>(
      operation,
      (client) => {
        asked = this.#exchange.unanswered > 1 ? this.#padded(keys) : this.#noted(keys)
        return client.mgetBuffer(asked)
      },
      resolve,
      reject,
      (replies) => answersKeys(replies, asked.length),
    )
  }

  /**
   * A lost reply would hand each MGET the answer of the next, values under wrong keys. Among several in flight, up to
   * three keys that nobody has are asked for too, so that neighbours differ in length and the first wrong answer
   * shows.
   */
  #padded(keys: string[]): string[] {
    const next = (this.#lengthClass + 1) % lengthClasses
    const missing = (next - (keys.length % lengthClasses) + lengthClasses) % lengthClasses
    if (missing === 0) return this.#noted(keys)
    // Made from a key that was asked for, so that an ACL of key patterns lets it pass.
    return this.#noted([...keys, ...new Array<string>(missing).fill(`${keys[0]}\0`)])
  }

  #noted(keys: string[]): string[] {
    this.#lengthClass = keys.length % lengthClasses
    return keys
  }
}

/** Without those of the keys that were only asked for to make the length another one. */
function answersOf(replies: Replies, asked: number): (Uint8Array | undefined)[] {
  const answers: (Uint8Array | undefined)[] = []
  for (let at = 0; at < asked; at++) answers.push(replies[at] ?? undefined)
  return answers
}

/** Replies to other commands are no arrays, or hold something else. */
function answersKeys(replies: unknown, count: number): boolean {
  if (!Array.isArray(replies) || replies.length !== count) return false
  for (const reply of replies) if (reply !== null && !Buffer.isBuffer(reply)) return false
  return true
}
