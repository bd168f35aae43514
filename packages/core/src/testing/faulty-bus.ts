import { type Clock, systemClock } from '../clock.ts'
import { InvalidOptionError, StoreError } from '../errors.ts'
import type { Bus, BusState } from '../store/store.ts'
import { FaultDice, type FaultTiming } from './faults.ts'

export type BusFault = FaultTiming & {
  /** Where it strikes: on its way out, or on its way to a subscriber. Default `'deliver'`. */
  readonly on?: 'publish' | 'deliver'
} & (
    | { readonly kind: 'drop' }
    | { readonly kind: 'delay'; readonly ms: number }
    | { readonly kind: 'duplicate' }
    /** Held back until the next message has gone by. */
    | { readonly kind: 'reorder' }
    /** So many bits are turned over. Default 1. */
    | { readonly kind: 'damage'; readonly bits?: number }
  )

export interface BusFaultScript {
  /** Default 1. */
  readonly seed?: number
  /** What delays are counted by. Default: the machine's own clock. */
  readonly clock?: Clock
  readonly faults: readonly BusFault[]
}

/** A bus that fails on purpose. */
export interface FaultyBus extends Bus {
  /** Replaces the faults, from the next message on. */
  play(faults: readonly BusFault[]): void
  /** The link breaks and everybody knows: `down`, `publish` rejects, nothing arrives. */
  cut(): void
  /** The link is dead and nobody knows: `publish` resolves, nothing goes out, nothing arrives, the state stays. */
  silence(): void
  /** Ends faults, cut and silence. After a cut the subscribers are told `up`. What was lost stays lost. */
  heal(): void
}

/**
 * The bus `bus` with faults by script, counted per direction. Without faults it changes nothing and passes the
 * conformance suite.
 * @throws {InvalidOptionError} for a script without a list of faults.
 */
export function faultyBus(bus: Bus, script: BusFaultScript): FaultyBus {
  if (!Array.isArray(script?.faults)) {
    throw new InvalidOptionError('faultyBus expects a script { faults: [...] }, empty for none')
  }
  const clock = script.clock ?? systemClock
  const dice = new FaultDice(script.seed ?? 1)
  const subscribers = new Set<{ state: BusState; onState: (state: BusState) => void }>()
  let faults: readonly BusFault[] = script.faults
  let link: 'standing' | 'cut' | 'silent' = 'standing'

  /** A way for messages on which faults strike. `held` is the message that waits for the next one. */
  const way = (direction: 'publish' | 'deliver', pass: (message: Uint8Array) => unknown) => {
    let held: Uint8Array | undefined
    return async (message: Uint8Array) => {
      const call = dice.count(direction)
      const active = faults.filter(
        (fault) => (fault.on ?? 'deliver') === direction && dice.strikes(fault, call),
      )
      const has = (kind: BusFault['kind']) => active.some((fault) => fault.kind === kind)
      if (has('drop')) return
      for (const fault of active) {
        if (fault.kind === 'damage') message = dice.damage(message, fault.bits ?? 1)
      }
      if (has('reorder')) {
        held = new Uint8Array(message)
        return
      }
      const before = held
      held = undefined
      for (const fault of active) {
        if (fault.kind === 'delay') {
          const later = new Uint8Array(message)
          clock.setTimeout(() => void (link === 'standing' && pass(later)), fault.ms)
          return
        }
      }
      await pass(message)
      if (has('duplicate')) await pass(new Uint8Array(message))
      if (before !== undefined) await pass(before)
    }
  }

  const send = way('publish', (message) => bus.publish(message))

  return {
    async publish(message) {
      if (link === 'cut') {
        throw new StoreError('publish failed, because the fault script has cut the link', {
          kind: 'unavailable',
          operation: 'publish',
        })
      }
      if (link === 'silent') return
      await send(message)
    },
    subscribe(onMessage, onState) {
      const subscriber = { state: 'down' as BusState, onState }
      const deliver = way('deliver', (message) => {
        if (subscribers.has(subscriber)) onMessage(message)
      })
      subscribers.add(subscriber)
      const end = bus.subscribe(
        (message) => {
          if (link === 'standing') void deliver(message)
        },
        (state) => {
          subscriber.state = state
          if (link !== 'cut') onState(state)
        },
      )
      return () => {
        subscribers.delete(subscriber)
        end()
      }
    },
    async close() {
      subscribers.clear()
      await bus.close()
    },
    play(next) {
      faults = next
    },
    cut() {
      if (link === 'cut') return
      link = 'cut'
      for (const { onState } of subscribers) onState('down')
    },
    silence() {
      link = 'silent'
    },
    heal() {
      faults = []
      const wasCut = link === 'cut'
      link = 'standing'
      if (wasCut) for (const { state, onState } of subscribers) onState(state)
    },
  }
}
