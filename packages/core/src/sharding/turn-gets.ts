import { whenTurnEnds } from '../clock.ts'

interface WaitingGet {
  readonly key: string
  resolve(bytes: Uint8Array | undefined): void
  reject(error: unknown): void
}

/** So many keys are asked of a server at once at most. */
const mostInBatch = 512

/**
 * Gets that are asked of one server in one turn of the event loop go out together: a naive sharder turns one packet
 * into as many as there are servers, and loses to a proxy that way.
 */
export class TurnGets {
  readonly #isIdle: () => boolean
  readonly #getOne: (key: string) => Promise<Uint8Array | undefined>
  readonly #getMany: (keys: readonly string[]) => Promise<readonly (Uint8Array | undefined)[]>
  #gets: WaitingGet[] = []

  /** @param isIdle nothing is under way to the server, so that waiting for the turn's end would win nothing. */
  constructor(
    isIdle: () => boolean,
    getOne: (key: string) => Promise<Uint8Array | undefined>,
    getMany: (keys: readonly string[]) => Promise<readonly (Uint8Array | undefined)[]>,
  ) {
    this.#isIdle = isIdle
    this.#getOne = getOne
    this.#getMany = getMany
  }

  /** Those that wait to be sent. */
  get waiting(): number {
    return this.#gets.length
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const size = this.#gets.push({ key, resolve, reject })
      if (size === 1) {
        if (this.#isIdle()) process.nextTick(() => this.#send())
        else whenTurnEnds(() => this.#send())
      } else if (size === mostInBatch) this.#send()
    })
  }

  /** Refuses those that wait. */
  refuse(error: Error): void {
    for (const { reject } of this.#take()) reject(error)
  }

  #take(): WaitingGet[] {
    const gets = this.#gets
    this.#gets = []
    return gets
  }

  #send(): void {
    const gets = this.#take()
    const [first] = gets
    if (first === undefined) return
    if (gets.length === 1) {
      this.#getOne(first.key).then(first.resolve, first.reject)
      return
    }
    const keys: string[] = []
    for (const { key } of gets) keys.push(key)
    this.#getMany(keys).then(
      (all) => {
        for (let index = 0; index < gets.length; index++) gets[index]!.resolve(all[index])
      },
      (error: unknown) => {
        for (const { reject } of gets) reject(error)
      },
    )
  }
}
