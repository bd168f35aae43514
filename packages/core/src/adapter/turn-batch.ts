import { whenTurnEnds } from '../clock.ts'

/**
 * Joins what comes in one turn of the event loop, so that it goes over the wire as one: most of what a small command costs
 * is its write, its promise and its parse.
 *
 * Nothing in flight: sent on the next tick, so that a lone one does not wait. Else collected until the turn ends: batching
 * per tick alone would be a loss for what comes from callbacks of their own, as requests do.
 */
export class TurnBatch<Item> {
  readonly #most: number
  readonly #isIdle: () => boolean
  readonly #send: (items: Item[]) => void
  #items: Item[] = []

  /**
   * @param most a longer batch would hold up the server's other clients
   * @param isIdle nothing is under way to the server, so that waiting would win nothing
   */
  constructor(most: number, isIdle: () => boolean, send: (items: Item[]) => void) {
    this.#most = most
    this.#isIdle = isIdle
    this.#send = send
  }

  add(item: Item): void {
    const size = this.#items.push(item)
    if (size === 1) {
      if (this.#isIdle()) process.nextTick(this.#flush)
      else whenTurnEnds(this.#flush)
    } else if (size === this.#most) this.#flush()
  }

  readonly #flush = () => {
    const items = this.#items
    // A full batch has gone before its turn ended.
    if (items.length === 0) return
    this.#items = []
    this.#send(items)
  }
}
