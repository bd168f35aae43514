import type { Bulkhead, Place, Ticket } from '../resilience/bulkhead.ts'
import type { Flight } from './flight.ts'

/** What a passage asks of its load. */
interface Passenger {
  readonly settled: boolean
  readonly waitsFor: Iterable<object> | undefined
  readonly passage: Passage
  ended(): Promise<void>
}

type Part = readonly Flight[]

const noPlaces: readonly Place[] = []

/**
 * A load's way through its bulkheads: its wait for a place in each, the places it holds until it is done, and the
 * loads that lend it theirs. A load that waits for another one does nothing with its place meanwhile; if the other
 * one had to queue behind it, both would wait for ever.
 */
export class Passage {
  readonly #load: Passenger
  #places: readonly Place[] = noPlaces
  #hasEntered = false
  /** What is to be loaded once it has entered. */
  #queueing: Part[] | undefined
  /** Its wait for a place, while it queues. */
  #ticket: Ticket | undefined
  /** Passages of loads that hold a place while they wait, directly or over others, for this one. Never changed, only replaced. */
  #lenders: ReadonlySet<Passage> | undefined

  constructor(load: Passenger, startedBy: Passage | undefined) {
    this.#load = load
    if (startedBy !== undefined) this.#lenders = startedBy.#asLenders()
  }

  /** Queues for a place in each bulkhead, outermost first; `call` is called with each part that came meanwhile or comes later. */
  enter(
    bulkheads: readonly Bulkhead[],
    part: Part,
    call: (part: Part) => void,
    refuse: (part: Part) => void,
  ): void {
    // A load takes one place, however many parts it comes in: a second one would wait for the first, which is its own.
    if (this.#hasEntered) call(part)
    else if (this.#queueing !== undefined) this.#queueing.push(part)
    else if (bulkheads.some((bulkhead) => bulkhead.isFull(this.#lentIn(bulkhead)))) refuse(part)
    else {
      this.#queueing = [part]
      this.#next(bulkheads, 0, call)
    }
  }

  #next(bulkheads: readonly Bulkhead[], index: number, call: (part: Part) => void): void {
    const bulkhead = bulkheads[index]
    if (bulkhead === undefined) {
      const parts = this.#queueing ?? []
      this.#queueing = undefined
      this.#hasEntered = true
      for (const part of parts) call(part)
      return
    }
    this.#ticket = bulkhead.enter((place) => {
      // It may have timed out, or been left by everybody, while it queued.
      if (this.#load.settled) return Promise.resolve()
      this.#ticket = undefined
      this.#places = [...this.#places, place]
      this.#next(bulkheads, index + 1, call)
      return this.#load.ended()
    })
    for (const place of this.#lentIn(bulkhead)) this.#ticket.ride(place)
  }

  /** The places in a bulkhead that loads hold while they wait for this one. */
  #lentIn(bulkhead: Bulkhead): readonly Place[] {
    if (this.#lenders === undefined) return []
    const places: Place[] = []
    for (const lender of this.#lenders) {
      for (const place of lender.#places) if (place.bulkhead === bulkhead) places.push(place)
    }
    return places
  }

  #asLenders(): ReadonlySet<Passage> | undefined {
    return this.#places.length === 0 ? this.#lenders : new Set(this.#lenders).add(this)
  }

  /**
   * Another load has come to wait for this one: the places it holds, and those held for it, are lent to this load and
   * to whatever it waits for, which may have been queueing for just these places.
   */
  borrowFrom(asking: Passage): void {
    const lenders = asking.#asLenders()
    if (lenders === undefined) return
    const reached = new Set<Passage>([this])
    for (const passage of reached) {
      if (passage.#load.settled) continue
      passage.#borrow(lenders)
      for (const next of passage.#load.waitsFor ?? [])
        if (isPassenger(next)) reached.add(next.passage)
    }
  }

  #borrow(lenders: ReadonlySet<Passage>): void {
    const { bulkhead } = this.#ticket ?? {}
    const before = new Set(bulkhead && this.#lentIn(bulkhead))
    this.#lenders = new Set([...(this.#lenders ?? []), ...lenders])
    if (bulkhead === undefined) return
    for (const place of this.#lentIn(bulkhead)) if (!before.has(place)) this.#ticket?.ride(place)
  }

  /** The load is done: it holds on to nobody, and stands in no queue. */
  end(): void {
    this.#lenders = undefined
    this.#ticket?.leave()
  }
}

function isPassenger(load: object): load is Passenger {
  return 'passage' in load
}
