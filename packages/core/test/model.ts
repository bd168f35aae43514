import { CacheHandle } from '../src/cache-handle.ts'
import type { Cache } from '../src/index.ts'
import { type CacheSettings, resolveCacheOptions } from '../src/options/cache-settings.ts'
import { Engine } from '../src/read/engine.ts'
import type { LoaderContext } from '../src/read/loader-context.ts'
import { MemoryBacking } from '../src/store/memory-backing.ts'
import { memoryStore } from '../src/store/memory-store.ts'
import { type FakeClock, fakeClock } from '../src/testing/fake-clock.ts'
import { seededRandom } from '../src/testing/seeded-random.ts'
import { Far } from '../src/tiers/far.ts'
import { turn } from './held.ts'
import { lazily } from './lazy-store.ts'
import {
  type Ending,
  folded,
  keys,
  type Place,
  type Process,
  places,
  type Setting,
  type Step,
  type Story,
  tags,
} from './model-stories.ts'

const ttlMs = 100
const softTimeoutMs = 30
const loadTimeoutMs = 60
const retryAfterErrorMs = 20

/** What is known of a value or an error that an origin gave. */
interface Known {
  readonly place: Place
  readonly key: number
  /** Tick at which its loader began to read, or said last that it is still current. */
  readAt: number
  /** Tick and time at which it came; undefined while its load is open. */
  cameAt: number
  storedAt: number
  ttlMs: number
  readonly tags: Set<string>
  readonly what: 'value' | 'error'
}

interface Run {
  readonly process: Process
  readonly place: Place
  readonly keys: readonly number[]
  readonly startedAt: number
  readonly startedTime: number
  readonly apart: boolean
  readonly signal: AbortSignal
  open: boolean
  end(ending: Ending, names: boolean): void
}

interface Call {
  readonly step: string
  readonly operation: 'wrap' | 'wrapMany' | 'get' | 'peek' | 'getMany'
  readonly place: Place
  readonly beganAt: number
  readonly beganTime: number
  readonly refresh: boolean
  readonly off: boolean
  readonly controller: AbortController | undefined
  settled: boolean
}

interface Failure {
  readonly place: Place
  readonly key: number
  readonly startedAt: number
  readonly at: number
  readonly time: number
}

interface Noted {
  /** Tick at which it began: what was read later is not older. */
  readonly at: number
  /** Tick at which it was done: it binds whoever calls later. */
  readonly doneAt: number
  readonly time: number
  readonly what: 'delete' | 'expire' | 'set' | 'tag' | 'clear' | 'switch'
  readonly place: Place
  readonly key?: number
  readonly tag?: string
}

/** @throws Error that tells what was served, to whom, and which invalidation forbids it. */
export async function play({ setting, steps }: Story): Promise<void> {
  const world = new World(setting)
  for (const [index, step] of steps.entries())
    await world.take(folded(step, setting), `step ${index}: ${step.do}`)
  await world.finish()
}

class World {
  readonly #setting: Setting
  readonly #clock: FakeClock
  readonly #engines: readonly Engine[]
  readonly #caches: readonly (readonly Cache[])[]
  readonly #busy = { now: 0 }
  readonly #known = new Map<number, Known>()
  readonly #errors = new Map<unknown, Known>()
  readonly #runs: Run[] = []
  readonly #calls: Call[] = []
  readonly #noted: Noted[] = []
  /** Time of each failure by place and key; of a stale value that only an error may let out, one is the reason. */
  readonly #failures: Failure[] = []
  readonly #faults: string[] = []
  readonly #off = [false, false, false]
  #tick = 1

  constructor(setting: Setting) {
    this.#setting = setting
    this.#clock = fakeClock({ seed: setting.seed })
    const backing = new MemoryBacking({ clock: this.#clock })
    const random = seededRandom(setting.seed)
    const settings = Array.from({ length: Math.max(1, setting.shared) }, () =>
      resolveCacheOptions({
        clock: this.#clock,
        memory: setting.maxEntries > 0 && { maxEntries: setting.maxEntries },
        ...(setting.shared > 0 && { store: lazily(memoryStore({ backing }), random, this.#busy) }),
        defaults: {
          ttl: ttlMs,
          staleWhileRevalidate: setting.swrMs,
          staleIfError: setting.sieMs,
          errorTtl: setting.errorTtlMs,
          softTimeout: softTimeoutMs,
          loadTimeout: loadTimeoutMs,
          retryAfterError: retryAfterErrorMs,
          jitter: 0,
          earlyRefresh: 2,
        },
        policies: { 'called*': { tags: [tags[0]] } },
        resilience: setting.narrow ? { loadConcurrency: 2, loadQueue: 4 } : {},
      }),
    )
    this.#engines = settings.map((each) => {
      const engine = new Engine(each)
      if (each.far !== undefined) engine.far = new Far(engine, each.far)
      return engine
    })
    this.#caches = this.#engines.map((engine, index) => {
      const root = new CacheHandle(
        engine,
        engine.root,
        (settings[index] as CacheSettings).policyOfKey,
      )
      const inner = root.namespace('a')
      // Failures behind callers are expected here, and not this test's business.
      root.on('error', () => {})
      return [root, inner, inner.namespace('b')]
    })
  }

  get #shared(): boolean {
    return this.#setting.shared > 0
  }

  async take(step: Step, label: string): Promise<void> {
    this.#tick++
    switch (step.do) {
      case 'wrap':
      case 'wrapMany':
      case 'get':
      case 'getMany':
      case 'peek':
        this.#ask(step, label)
        break
      case 'set': {
        const { process, place, key } = step
        const value = this.#make(place, key, this.#tick, this.#callTags(key))
        await this.#invalidate(label, [{ what: 'set', place, key }], () =>
          this.#cache(process, place).set(keyName(key), value),
        )
        break
      }
      case 'delete':
      case 'expire': {
        const { process, place } = step
        const noted = step.keys.map((key) => ({ what: step.do, place, key }))
        await this.#invalidate(label, noted, () =>
          this.#cache(process, place)[step.do](step.keys.map(keyName)),
        )
        break
      }
      case 'invalidateTags':
      case 'expireTags': {
        const { process, place } = step
        const tag = tags[step.tag] as string
        const what = step.do === 'expireTags' ? 'expire' : 'tag'
        await this.#invalidate(label, [{ what, place, tag }], () =>
          this.#cache(process, place)[step.do]([tag]),
        )
        break
      }
      case 'clear': {
        const { process, place } = step
        await this.#invalidate(label, [{ what: 'clear', place }], () =>
          this.#cache(process, place).clear(),
        )
        break
      }
      case 'end': {
        const open = this.#runs.filter((run) => run.open)
        open[step.which % open.length]?.end(step.ending, step.names)
        break
      }
      case 'leave': {
        const leavers = this.#calls.filter((call) => call.controller && !call.settled)
        const call = leavers[step.which % leavers.length]
        if (call === undefined) break
        call.controller?.abort(new Error('left'))
        await turn()
        // A read of the store that is on its way is waited for, within the bounds of its budget.
        await this.#quiet()
        if (!call.settled) this.#faults.push(`${call.step}: left by its signal and still waiting`)
        break
      }
      case 'advance':
        // What is on its way to the store or from it arrives before time passes.
        await this.#quiet()
        await this.#clock.advance(step.ms)
        await this.#quiet()
        break
      case 'turn':
        await turn()
        break
      case 'switch':
        if (this.#off[step.place] === !step.on) break
        this.#cache(0, step.place).enabled = step.on
        this.#off[step.place] = !step.on
        this.#note({ what: 'switch', place: step.place }, this.#tick)
    }
    this.#complain()
  }

  /** Ends what is open, and looks whether everything that waits gets an answer and nothing is left behind. */
  async finish(): Promise<void> {
    // In one process no time passes meanwhile: whoever waited for a deadline would wait for ever. Whoever waits for
    // another process looks again from time to time.
    for (let round = 0; round < 50; round++) {
      await turn()
      await this.#quiet()
      if (this.#calls.every((call) => call.settled) && !this.#runs.some((run) => run.open)) break
      this.#tick++
      for (const run of this.#runs) if (run.open) run.end('value', true)
      if (this.#shared) await this.#clock.advance(20)
    }
    for (const call of this.#calls) {
      if (!call.settled) this.#faults.push(`${call.step}: never settled`)
    }
    await this.#clock.advance(10_000)
    await this.#quiet()
    for (const { flights, loading, deadlines, near, root } of this.#engines) {
      if (flights.size > 0) this.#faults.push(`${flights.size} flights are left`)
      if (loading.size > 0) this.#faults.push(`${loading.size} loads are left`)
      if (deadlines.lanes > 0) this.#faults.push(`${deadlines.lanes} lanes of deadlines are left`)
      near?.clear()
      if (root.heldTags > 0) this.#faults.push('marks of tags are left')
    }
    if (!this.#shared && this.#clock.pendingTimers > 0) this.#faults.push('timers are left')
    this.#complain()
    for (const [root] of this.#caches) await root?.close()
    if (this.#clock.pendingTimers > 0) this.#faults.push('timers are left after close')
    this.#complain()
  }

  /** In one process it is done when the call returns; on a store when it says so, and elsewhere when the bus has told. */
  async #invalidate(
    label: string,
    noted: readonly Omit<Noted, 'at' | 'doneAt' | 'time'>[],
    invalidate: () => Promise<void>,
  ): Promise<void> {
    const at = this.#tick
    let done = !this.#shared
    const doing = invalidate().then(
      () => {
        done = true
      },
      (error) => {
        this.#faults.push(`${label}: ${error}`)
      },
    )
    if (this.#shared) {
      await this.#quiet()
      if (!done) this.#faults.push(`${label}: is not done`)
      await doing
    }
    for (const each of noted) this.#note(each, at)
  }

  /** Until nothing is on its way to the store, from it, or on the bus. */
  async #quiet(): Promise<void> {
    if (!this.#shared) return
    for (let calm = 0, turns = 0; calm < 5 && turns < 1_000; turns++) {
      await turn()
      calm = this.#busy.now === 0 ? calm + 1 : 0
    }
  }

  #ask(
    step: Extract<Step, { do: 'wrap' | 'wrapMany' | 'get' | 'getMany' | 'peek' }>,
    label: string,
  ): void {
    const { process, place } = step
    const cache = this.#cache(process, place)
    const asked = 'keys' in step ? step.keys : [step.key]
    const loads = step.do === 'wrap' || step.do === 'wrapMany'
    const call: Call = {
      step: label,
      operation: step.do,
      place,
      beganAt: this.#tick,
      beganTime: this.#clock.monotonic(),
      refresh: loads && step.refresh,
      off: this.#isOff(place),
      controller: loads && step.leaves ? new AbortController() : undefined,
      settled: false,
    }
    this.#calls.push(call)
    const options = {
      ...(call.refresh ? { refresh: true } : {}),
      ...(call.controller === undefined ? {} : { signal: call.controller.signal }),
    }
    const judge = (key: number, value: unknown) => this.#judge(call, key, value)
    const failed = (error: unknown) => {
      for (const key of asked) this.#judgeError(call, key, error, asked.length > 1)
    }
    const only = asked[0] as number
    let answer: Promise<void>
    if (step.do === 'wrap') {
      answer = cache
        .wrap<unknown>(
          keyName(only),
          (context) => this.#load(process, place, [only], context, false),
          options,
        )
        .then((value) => judge(only, value), failed)
    } else if (step.do === 'wrapMany') {
      answer = cache
        .wrapMany<unknown>(
          asked.map(keyName),
          (missing, context) =>
            this.#load(process, place, missing.map(keyNumber), context, true) as Promise<
              Map<string, unknown>
            >,
          options,
        )
        .then((values) => {
          const order = asked.map(keyName).filter((name) => values.has(name))
          if (order.join() !== [...values.keys()].join())
            this.#faults.push(`${label}: answered in the order ${[...values.keys()]}`)
          for (const [name, value] of values) judge(keyNumber(name), value)
        }, failed)
    } else if (step.do === 'get') {
      answer = cache.get(keyName(only)).then((value) => judge(only, value), failed)
    } else if (step.do === 'getMany') {
      answer = cache
        .getMany([keyName(only)])
        .then((values) => judge(only, values.get(keyName(only))), failed)
    } else {
      judge(only, cache.peek(keyName(only)))
      answer = Promise.resolve()
    }
    void answer.then(() => {
      call.settled = true
    })
  }

  /** The origin: it reads at once, and answers when and how the story says. */
  #load(
    process: Process,
    place: Place,
    loaded: readonly number[],
    context: LoaderContext,
    batch: boolean,
  ): Promise<unknown> {
    const startedAt = ++this.#tick
    const apart = this.#isOff(place)
    for (const key of loaded) this.#oneLoadOnly(place, key, apart)
    return new Promise((resolve, reject) => {
      const run: Run = {
        process,
        place,
        keys: loaded,
        startedAt,
        startedTime: this.#clock.monotonic(),
        apart,
        signal: context.signal,
        open: true,
        end: (ending, names) => {
          run.open = false
          const { stale } = context
          const named = new Set<string>()
          if (names || loaded.some((key) => keys[key]?.endsWith('late'))) named.add(tags[1])
          const keeps =
            ending === 'notModified' &&
            (batch ? (stale as Map<string, unknown>).size > 0 : stale !== undefined)
          if (ending === 'error') {
            for (const key of loaded) {
              this.#failures.push({
                place,
                key,
                startedAt,
                at: this.#tick,
                time: this.#clock.monotonic(),
              })
            }
            reject(this.#error(place, loaded, startedAt))
            return
          }
          const kept = keeps
            ? (batch ? [...(stale as Map<string, unknown>).values()] : [stale]).map(
                (value) => this.#known.get((value as { id: number }).id) as Known,
              )
            : []
          // A loader that finds nothing new need not name the tags again: those of the value stay. It names no others
          // here, since whether they hold would depend on whether its answer is kept.
          const again = names && kept.every((known) => known.tags.has(tags[1]))
          if (keeps ? again : named.size > 0) context.setTags([...named])
          const ttl = ending === 'shortTtl' ? 10 : ending === 'noTtl' ? 0 : ttlMs
          if (ending === 'shortTtl' || ending === 'noTtl') context.setTtl(ttl)
          if (keeps) {
            for (const known of kept) {
              known.readAt = Math.max(known.readAt, startedAt)
              known.storedAt = this.#clock.monotonic()
              this.#comes(known)
              known.ttlMs = ttl
            }
            try {
              context.notModified()
            } catch (signal) {
              reject(signal)
            }
            return
          }
          const made = loaded.map((key) => {
            if (ending === 'undefined') return undefined
            const value = this.#make(place, key, startedAt, this.#callTags(key))
            for (const tag of named) this.#known.get(value.id)?.tags.add(tag)
            const known = this.#known.get(value.id) as Known
            known.ttlMs = ttl
            this.#comes(known)
            return value
          })
          const answer = batch ? made : made[0]
          resolve(ending === 'skip' ? context.skip(answer) : answer)
        },
      }
      this.#runs.push(run)
    })
  }

  /** It is on its way for a while yet, over a store for longer, and whoever asks meanwhile joins. */
  #comes(known: Known): void {
    known.cameAt = Number.POSITIVE_INFINITY
    const landed = this.#shared ? this.#quiet() : fewMicrotasks()
    void landed.then(() => {
      known.cameAt = this.#tick
    })
  }

  #make(place: Place, key: number, readAt: number, named: readonly string[]): { id: number } {
    const id = this.#known.size + 1
    this.#known.set(id, {
      place,
      key,
      readAt,
      cameAt: this.#tick,
      storedAt: this.#clock.monotonic(),
      ttlMs,
      tags: new Set(named),
      what: 'value',
    })
    return this.#setting.copied ? Object.assign({ id }, { at: new Date(0) }) : { id }
  }

  #error(place: Place, loaded: readonly number[], readAt: number): Error {
    const error = new Error('the origin failed')
    this.#errors.set(error, {
      place,
      key: loaded[0] as number,
      readAt,
      cameAt: this.#tick,
      storedAt: this.#clock.monotonic(),
      ttlMs: this.#setting.errorTtlMs,
      tags: new Set(),
      what: 'error',
    })
    return error
  }

  /** Somebody loads a key: then there must be no open load that would have been as good. */
  #oneLoadOnly(place: Place, key: number, apart: boolean): void {
    // Behind a bulkhead a load may have been voided before its loader began, which cannot be seen from here.
    // Nor can it over a store, where a claim comes first.
    if (apart || this.#setting.narrow || this.#shared) return
    const now = this.#clock.monotonic()
    for (const run of this.#runs) {
      if (!run.open || run.apart || run.place !== place || !run.keys.includes(key)) continue
      if (run.signal.aborted || now >= run.startedTime + loadTimeoutMs) continue
      const since = this.#noted.some(
        (noted) =>
          noted.at > run.startedAt - 1 && this.#concerns(noted, place, key, this.#callTags(key)),
      )
      if (!since) this.#faults.push(`a second load of ${keyName(key)} while one is open`)
    }
  }

  #judge(call: Call, key: number, value: unknown): void {
    if (value === undefined) return
    const known = this.#known.get((value as { id: number }).id)
    if (known === undefined) {
      this.#faults.push(`${call.step}: got something nobody made`)
      return
    }
    this.#judgeKnown(call, key, known)
  }

  #judgeError(call: Call, key: number, error: unknown, many: boolean): void {
    const known = this.#errors.get(error)
    // Of many keys one failed; which one is not told.
    if (known === undefined || many) return
    this.#judgeKnown(call, key, { ...known, key, tags: new Set(this.#callTags(key)) })
  }

  #judgeKnown(call: Call, key: number, known: Known): void {
    const served = `${call.step} (began at ${call.beganAt}): got ${known.what} of ${known.readAt}`
    if (known.place !== call.place || known.key !== key) {
      this.#faults.push(
        `${served}, which belongs to ${keyName(known.key)} in '${places[known.place]}'`,
      )
      return
    }
    if (known.readAt >= call.beganAt) return
    if (call.off) this.#faults.push(`${served} though the cache was off`)
    let expiredTime = known.storedAt + known.ttlMs
    let expiredAt = 0
    for (const noted of this.#noted) {
      if (noted.at <= known.readAt || noted.doneAt > call.beganAt) continue
      if (!this.#concerns(noted, call.place, key, [...known.tags])) continue
      if (noted.what === 'expire') {
        expiredTime = Math.min(expiredTime, noted.time)
        expiredAt = noted.at
      } else this.#faults.push(`${served}, but ${noted.what} came at ${noted.at}`)
    }
    // Still open when the call came: the call joined its load, which was not stale in any way unless expired.
    if (known.cameAt > call.beganAt && expiredTime >= known.storedAt) return
    this.#judgeStale(call, key, known, served, expiredTime, expiredAt)
  }

  /** A value kept before the call: fresh, or let out by a window that was open when the call began. */
  #judgeStale(
    call: Call,
    key: number,
    known: Known,
    served: string,
    expiredTime: number,
    expiredAt: number,
  ): void {
    const late = call.beganTime - expiredTime
    if (late < 0 && !(call.refresh && known.what === 'value')) return
    const { swrMs, sieMs } = this.#setting
    const windows = known.what === 'value'
    if (windows && !call.refresh && late < swrMs) return
    const reads = call.operation === 'wrap' || call.operation === 'wrapMany'
    const now = this.#clock.monotonic()
    const excused =
      now - call.beganTime >= softTimeoutMs ||
      this.#runs.some(
        (run) =>
          run.place === call.place &&
          run.keys.includes(key) &&
          now - run.startedTime >= softTimeoutMs &&
          run.startedTime <= now,
      ) ||
      this.#setting.narrow ||
      // Somebody else may be refreshing it, and be waited for only behind the caller.
      this.#shared ||
      this.#failures.some(
        (failure) =>
          failure.place === call.place &&
          failure.key === key &&
          // A value known to be old is worth a try at once, whatever failed before.
          failure.startedAt > expiredAt &&
          (failure.at >= call.beganAt || call.beganTime - failure.time < retryAfterErrorMs),
      )
    if (windows && reads && late < sieMs && excused) return
    this.#faults.push(`${served}, stale for ${late} ms and in no window`)
  }

  #concerns(noted: Noted, place: Place, key: number, under: readonly string[]): boolean {
    if (noted.what === 'clear' || noted.what === 'switch') return isWithin(place, noted.place)
    if (noted.tag !== undefined) return isWithin(place, noted.place) && under.includes(noted.tag)
    return noted.place === place && noted.key === key
  }

  #note(noted: Omit<Noted, 'at' | 'doneAt' | 'time'>, at: number): void {
    this.#noted.push({ ...noted, at, doneAt: this.#tick, time: this.#clock.monotonic() })
    // What begins from here on began after it.
    this.#tick++
  }

  #callTags(key: number): readonly string[] {
    return keys[key]?.startsWith('called') ? [tags[0]] : []
  }

  #isOff(place: Place): boolean {
    return this.#off.some((off, other) => off && isWithin(place, other as Place))
  }

  #cache(process: Process, place: Place): Cache {
    return this.#caches[process]?.[place] as Cache
  }

  #complain(): void {
    if (this.#faults.length > 0) throw new Error(this.#faults.join('\n'))
  }
}

async function fewMicrotasks(): Promise<void> {
  for (let left = 8; left > 0; left--) await null
}

/** Places are numbered from the outermost in. */
function isWithin(place: Place, other: Place): boolean {
  return place >= other
}

function keyName(key: number): string {
  return keys[key] as string
}

function keyNumber(name: string): number {
  return keys.indexOf(name as (typeof keys)[number])
}
