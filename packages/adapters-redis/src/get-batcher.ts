import { atEndOfTurn } from './clock.ts'
import type { Exchange } from './exchange.ts'
import { ReplyMismatch, refusalCode } from './redis-errors.ts'

interface Waiting {
  readonly key: string
  resolve(bytes: Uint8Array | undefined): void
  reject(error: unknown): void
}

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
  async many(keys: readonly string[], operation: string): Promise<(Uint8Array | undefined)[]> {
    if (keys.length <= maxKeys) return this.#mget([...keys], operation)
    const parts: Promise<(Uint8Array | undefined)[]>[] = []
    for (let at = 0; at < keys.length; at += maxKeys) {
      parts.push(this.#mget(keys.slice(at, at + maxKeys), operation))
    }
    return (await Promise.all(parts)).flat()
  }

  #flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    const only = waiting[0]!
    if (waiting.length === 1 && this.#exchange.unanswered === 0) {
      this.#getOne(only)
      return
    }
    this.#mget(
      waiting.map(({ key }) => key),
      'get',
    ).then(
      (answers) => {
        for (const [index, { resolve }] of waiting.entries()) resolve(answers[index])
      },
      (error: unknown) => {
        for (const { reject } of waiting) reject(error)
      },
    )
  }

  #getOne({ key, resolve, reject }: Waiting): void {
    this.#exchange.begin(
      'get',
      (client) => client.getBuffer(key).then(bytesOrNothing, nothingForOtherTypes),
      resolve,
      reject,
    )
  }

  #mget(keys: string[], operation: string): Promise<(Uint8Array | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([])
    return this.#exchange.run(operation, async (client) => {
      const asked = this.#exchange.unanswered > 1 ? this.#padded(keys) : this.#noted(keys)
      const replies = await client.mgetBuffer(asked)
      if (!Array.isArray(replies) || replies.length !== asked.length) throw new ReplyMismatch()
      const answers: (Uint8Array | undefined)[] = new Array(keys.length)
      for (let index = 0; index < keys.length; index++) answers[index] = replies[index] ?? undefined
      return answers
    })
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

function bytesOrNothing(reply: Buffer | null): Buffer | undefined {
  if (reply === null) return undefined
  if (!Buffer.isBuffer(reply)) throw new ReplyMismatch()
  return reply
}

/** Somebody else's list or hash is no entry; MGET answers nil for it. */
function nothingForOtherTypes(error: unknown): undefined {
  if (refusalCode(error) === 'WRONGTYPE') return undefined
  throw error
}
