import { CacheHandle } from '../../src/cache-handle.ts'
import type { Clock } from '../../src/clock.ts'
import type { Cache, CacheOptions, Store } from '../../src/index.ts'
import { resolveCacheOptions } from '../../src/options/cache-settings.ts'
import { Engine } from '../../src/read/engine.ts'
import { MemoryBacking } from '../../src/store/memory-backing.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { type FaultyBus, faultyBus } from '../../src/testing/faulty-bus.ts'
import { type FaultyStore, faultyStore } from '../../src/testing/faulty-store.ts'
import { Far } from '../../src/tiers/far.ts'
import { turn } from '../held.ts'

/** A cache that stands for a process of its own: its own memory, its own way to the store and the bus. */
export interface Process {
  readonly cache: Cache
  readonly engine: Engine
  readonly far: Far
  readonly store: FaultyStore
  readonly bus: FaultyBus
  readonly clock: Clock & { jump(ms: number): void }
}

export interface ProcessOptions extends Omit<CacheOptions, 'store' | 'bus' | 'clock'> {
  /** Default: none. */
  readonly withBus?: boolean
  /** Changes the store before faults are put around it. */
  readonly storeOf?: (store: Store) => Store
}

/** Processes that share a server. Time stands still until a test moves it. */
export class Processes {
  readonly clock: FakeClock
  readonly backing: MemoryBacking
  readonly all: Process[] = []
  readonly #seed: number

  constructor(seed = 1) {
    this.#seed = seed
    this.clock = fakeClock({ seed })
    this.backing = new MemoryBacking({ clock: this.clock })
  }

  start(options: ProcessOptions = {}): Process {
    const { withBus = false, storeOf = (store) => store, ...rest } = options
    const memory = memoryStore({ backing: this.backing, clock: this.clock })
    const seed = this.#seed + this.all.length
    const store = faultyStore(storeOf(memory), { clock: this.clock, seed, faults: [] })
    const bus = faultyBus(memory.bus(), { clock: this.clock, seed, faults: [] })
    const clock = leaping(this.clock)
    const settings = resolveCacheOptions({
      ...rest,
      store,
      bus: withBus ? bus : false,
      clock,
      defaults: { jitter: 0, earlyRefresh: false, ...rest.defaults },
    })
    if (settings.far === undefined) throw new Error('a process needs a store')
    const engine = new Engine(settings)
    const far = new Far(engine, settings.far)
    engine.far = far
    const cache = new CacheHandle(engine, engine.root, settings.policyOfKey)
    // Expected here, and looked at in the counters.
    cache.on('error', () => {})
    const process = { cache, engine, far, store, bus, clock }
    this.all.push(process)
    return process
  }

  /** Lets everything run that needs no time. */
  async rest(): Promise<void> {
    for (let turns = 0; turns < 8; turns++) await turn()
  }

  async close(): Promise<void> {
    for (const { store } of this.all) store.heal()
    const closed = Promise.all(this.all.map(({ cache }) => cache.close({ drain: 0 })))
    await this.clock.advance(1)
    await closed
  }
}

/** A clock that may leap, as that of a process does which was stopped for a while: its timers come late. */
function leaping(clock: FakeClock): Process['clock'] {
  let aheadMs = 0
  return {
    now: () => clock.now() + aheadMs,
    monotonic: () => clock.monotonic() + aheadMs,
    random: () => clock.random(),
    setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
    clearTimeout: (timer) => clock.clearTimeout(timer),
    jump(ms) {
      aheadMs += ms
    },
  }
}

/** How a promise stands. */
export interface Watched<T> {
  value?: T | undefined
  error?: unknown
  settled: boolean
}

/** A promise that is looked at: how it stands, without a rejection that nobody handles. */
export function watched<T>(promise: Promise<T>): Watched<T> {
  const seen: Watched<T> = { settled: false }
  promise.then(
    (value) => {
      seen.settled = true
      seen.value = value
    },
    (error: unknown) => {
      seen.settled = true
      seen.error = error
    },
  )
  return seen
}
