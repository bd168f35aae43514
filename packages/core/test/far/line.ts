import type { Clock, TimerHandle } from '../../src/clock.ts'
import { StoreError } from '../../src/errors.ts'
import type { Bus, Store } from '../../src/index.ts'
import type { FakeClock } from '../../src/testing/fake-clock.ts'

/** How a process's way to the store fails. `lost`: claims and compare-and-set writes are answered and never done. */
export type LineFault = 'none' | 'errors' | 'lost'

export interface Line {
  readonly store: Store
  fault: LineFault
  /** Nothing goes out and nothing comes in until it goes on; then everything does, in order. */
  pause(): void
  resume(): void
}

const methods = [
  ...(['get', 'set', 'delete', 'getMany', 'setMany', 'deleteMany'] as const),
  ...(['add', 'replace'] as const),
]

/**
 * One process's connection to a store: operations take their time both ways and keep their order, as on a socket.
 * `draw` gives the milliseconds of one way, `chance` decides about faults.
 */
export function lineTo(
  store: Store,
  clock: FakeClock,
  draw: () => number,
  chance: () => number,
): Line {
  let paused = false
  let waiting: (() => void)[] = []
  let appliedAt = 0
  let answeredAt = 0

  const unlessPaused = (run: () => void) => {
    if (paused) waiting.push(run)
    else run()
  }
  /** Runs at the instant, after whatever was to run before on the same way. */
  const at = (instant: number, run: () => void) => {
    const left = instant - clock.monotonic()
    if (left <= 0) unlessPaused(run)
    else clock.setTimeout(() => unlessPaused(run), left)
  }

  const send = (operation: string, args: readonly unknown[], lie: unknown, isClaim: boolean) =>
    new Promise<unknown>((resolve, reject) => {
      appliedAt = Math.max(appliedAt, clock.monotonic() + draw())
      at(appliedAt, () => {
        const fails = line.fault === 'errors' && chance() < 0.15
        const isLost = line.fault === 'lost' && isClaim && chance() < 0.15
        const run = () =>
          (store as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>)[
            operation
          ]?.(...args) ?? Promise.resolve()
        const done = isLost ? Promise.resolve(lie) : fails && chance() < 0.5 ? undefined : run()
        const answer = fails
          ? () =>
              reject(new StoreError(`${operation} failed`, { kind: 'unavailable', store: 'line' }))
          : undefined
        answeredAt = Math.max(answeredAt, clock.monotonic() + draw())
        const respondAt = answeredAt
        void Promise.resolve(done).then(
          (result) => at(respondAt, answer ?? (() => resolve(result))),
          (error: unknown) => at(respondAt, () => reject(error)),
        )
      })
    })

  const line: Line = {
    fault: 'none',
    store: {
      name: 'line',
      capabilities: store.capabilities,
      ...Object.fromEntries(
        methods
          .filter((method) => store[method] !== undefined)
          .map((method) => [
            method,
            (...args: readonly unknown[]) =>
              send(
                method,
                args,
                method === 'replace' ? true : undefined,
                method === 'add' || method === 'replace',
              ),
          ]),
      ),
    } as unknown as Store,
    pause() {
      paused = true
    },
    resume() {
      paused = false
      const runs = waiting
      waiting = []
      for (const run of runs) run()
    },
  }
  return line
}

/** A clock whose timers are held back while its process is stopped. */
export function stoppable(clock: FakeClock): Clock & {
  stop(): void
  goOn(): void
  /** The process was away for so long, and nobody else was. */
  jump(ms: number): void
} {
  let stopped = false
  let aheadMs = 0
  let held: (() => void)[] = []
  const cleared = new WeakSet<object>()
  return {
    now: () => clock.now() + aheadMs,
    monotonic: () => clock.monotonic() + aheadMs,
    random: () => clock.random(),
    setTimeout(callback, ms) {
      const handle: { timer: TimerHandle } = { timer: undefined }
      const fire = () => {
        if (!cleared.has(handle)) callback()
      }
      handle.timer = clock.setTimeout(() => {
        if (stopped) held.push(fire)
        else fire()
      }, ms)
      return handle
    },
    clearTimeout(handle) {
      if (typeof handle !== 'object' || handle === null) return
      cleared.add(handle)
      clock.clearTimeout((handle as { timer: TimerHandle }).timer)
    },
    stop() {
      stopped = true
    },
    goOn() {
      stopped = false
      const late = held
      held = []
      for (const fire of late) fire()
    },
    jump(ms) {
      aheadMs += ms
    },
  }
}

/** A bus whose messages wait in the socket while their process is stopped. */
export function holdable(bus: Bus): Bus & { hold(): void; release(): void } {
  let held: (() => void)[] | undefined
  const soon = (run: () => void) => {
    if (held === undefined) run()
    else held.push(run)
  }
  return {
    publish: (message) => bus.publish(message),
    subscribe: (onMessage, onState) =>
      bus.subscribe(
        (message) => soon(() => onMessage(message)),
        (state) => soon(() => onState(state)),
      ),
    close: () => bus.close(),
    hold() {
      held = []
    },
    release() {
      const late = held ?? []
      held = undefined
      for (const run of late) run()
    },
  }
}
