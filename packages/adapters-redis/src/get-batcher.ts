import { TurnBatch } from '@holdfast/core/adapter'
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
 */
export class GetBatcher {
  readonly #exchange: Exchange
  readonly #turn: TurnBatch<Waiting>
  #lengthClass = 0

  constructor(exchange: Exchange) {
    this.#exchange = exchange
    this.#turn = new TurnBatch<Waiting>(
      maxKeys,
      () => exchange.unanswered === 0,
      (waiting) => this.#send(waiting),
    )
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => this.#turn.add({ key, resolve, reject }))
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

  #send(waiting: readonly Waiting[]): void {
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
