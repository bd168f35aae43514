import fc from 'fast-check'
import { CacheHandle } from '../../src/cache-handle.ts'
import { InvalidationError, LoadTimeoutError } from '../../src/errors.ts'
import type { Cache, Store } from '../../src/index.ts'
import { resolveCacheOptions } from '../../src/options/cache-settings.ts'
import { Engine } from '../../src/read/engine.ts'
import type { LoaderContext } from '../../src/read/loader-context.ts'
import { MemoryBacking } from '../../src/store/memory-backing.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { type FaultyBus, faultyBus } from '../../src/testing/faulty-bus.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { Far } from '../../src/tiers/far.ts'
import { turn } from '../held.ts'
import { holdable, type Line, type LineFault, lineTo, stoppable } from './line.ts'

/**
 * A random story of several processes that share a store, and an origin that changes with every tick. Loaders stay
 * open until the story ends them. Each value carries the tick at which its loader began to read; each invalidation is
 * noted with the ticks at which it was called and done. What a call may get follows from these alone: nothing that is
 * older than an invalidation which was done before the call began.
 */
export interface Story {
  readonly setting: Setting
  readonly steps: readonly Step[]
}

export interface Setting {
  readonly seed: number
  readonly processes: number
  /** Which of them have a near tier. */
  readonly near: readonly boolean[]
  readonly bus: 'none' | 'sound' | 'delayed' | 'lossy'
  readonly latency: 'none' | 'short' | 'long'
  readonly fault: LineFault
  readonly claims: boolean
  readonly many: boolean
  readonly windowMs: number
  readonly ttlMs: number
  readonly firstKey: number
  readonly keys: number
  readonly places: number
  readonly narrow: boolean
  readonly outageMemoMs: number
}

type Place = 0 | 1
type Ending = 'value' | 'undefined' | 'error' | 'skip' | 'noTtl'
type At = { readonly process: number; readonly place: Place }

export type Step =
  | ({ do: 'wrap'; key: number; refresh: boolean; leaves: boolean } & At)
  | ({ do: 'wrapMany'; keys: number[]; refresh: boolean; leaves: boolean } & At)
  | ({ do: 'get' | 'getMany'; key: number } & At)
  | ({ do: 'set'; key: number; waits: boolean } & At)
  | ({ do: 'delete' | 'expire'; keys: number[]; waits: boolean } & At)
  | ({ do: 'invalidateTags' | 'expireTags'; tag: number; waits: boolean } & At)
  | ({ do: 'clear'; waits: boolean } & At)
  | { do: 'end'; which: number; ending: Ending; names: boolean }
  | { do: 'leave'; which: number }
  | { do: 'advance'; ms: number }
  | { do: 'rest' }
  | { do: 'stop' | 'goOn'; process: number }
  | { do: 'hang' | 'heal'; process: number }
  | { do: 'jump'; process: number; ms: number }
  | { do: 'cut' | 'mend'; process: number }

const loadTimeoutMs = 4_000
/** Without tags, with one of the call, with one that its loader names, with both. */
const keys = ['plain', 'called', 'late', 'called-late'] as const
const tags = ['call-tag', 'late-tag'] as const

const at = {
  process: fc.nat({ max: 3 }),
  place: fc.constantFrom<Place>(0, 0, 1),
}
const key = fc.nat({ max: keys.length - 1 })
const someKeys = fc.uniqueArray(key, { minLength: 1, maxLength: 3 })
const rarely = fc.nat({ max: 5 }).map((n) => n === 0)
const often = fc.boolean()
const which = fc.nat({ max: 7 })
const one = <D extends string>(name: D) => fc.constant(name)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.record({ do: one('wrap'), ...at, key, refresh: rarely, leaves: rarely }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: one('wrapMany'),
      ...at,
      keys: someKeys,
      refresh: rarely,
      leaves: rarely,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('get' as const, 'getMany' as const),
      ...at,
      key,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: one('set'), ...at, key, waits: often }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('delete' as const, 'delete' as const, 'expire' as const),
      ...at,
      keys: someKeys,
      waits: often,
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom('invalidateTags' as const, 'expireTags' as const),
      ...at,
      tag: fc.nat({ max: tags.length - 1 }),
      waits: often,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: one('clear'), ...at, waits: often }) },
  {
    weight: 20,
    arbitrary: fc.record({
      do: one('end'),
      which,
      ending: fc.constantFrom<Ending>(
        ...(['value', 'value', 'value', 'value', 'value', 'value'] as const),
        ...(['error', 'undefined', 'skip', 'noTtl'] as const),
      ),
      names: often,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: one('leave'), which }) },
  {
    weight: 14,
    arbitrary: fc.record({
      do: one('advance'),
      ms: fc.constantFrom(1, 2, 3, 10, 30, 100, 150, 250, 600, 1_100, 1_500),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: one('rest') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('stop' as const, 'goOn' as const, 'goOn' as const),
      process: at.process,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('hang' as const, 'heal' as const, 'heal' as const),
      process: at.process,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: one('jump'),
      process: at.process,
      ms: fc.constantFrom(400, 1_500, 7_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'mend' as const),
      process: at.process,
    }),
  },
)

export const stories: fc.Arbitrary<Story> = fc.record({
  setting: fc.record({
    seed: fc.nat(),
    processes: fc.constantFrom(2, 2, 3, 4),
    near: fc.tuple(often, often, often, often),
    bus: fc.constantFrom('none', 'sound', 'sound', 'delayed', 'lossy'),
    latency: fc.constantFrom('none', 'short', 'short', 'long'),
    fault: fc.constantFrom<LineFault>('none', 'none', 'none', 'errors', 'lost'),
    claims: fc.constantFrom(true, true, true, true, true, false),
    many: fc.constantFrom(true, true, true, false),
    windowMs: fc.constantFrom(0, 0, 0, 2_000),
    ttlMs: fc.constantFrom(60_000, 60_000, 800),
    firstKey: key,
    keys: fc.constantFrom(1, 1, 2, 4),
    places: fc.constantFrom(1, 1, 2),
    narrow: rarely,
    outageMemoMs: fc.constantFrom(5_000, 5_000, 400),
  }),
  steps: fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }),
})

/** What is known of a value that an origin gave. */
interface Known {
  readonly process: number
  readonly place: Place
  readonly key: number
  readonly readAt: number
  readonly readTime: number
  /** Of a value that was loaded: when its loader answered. */
  readonly loadedTime?: number
  readonly tags: ReadonlySet<string>
  /** Of a value that was set: when that was done. */
  setAt?: number
}

interface Run {
  readonly process: number
  readonly place: Place
  readonly keys: readonly number[]
  readonly startedAt: number
  readonly startedTime: number
  readonly signal: AbortSignal
  open: boolean
  end(ending: Ending, names: boolean): void
}

interface Call {
  readonly step: string
  readonly process: number
  readonly place: Place
  readonly beganAt: number
  readonly beganTime: number
  readonly controller: AbortController | undefined
  settled: boolean
}

interface Noted {
  readonly what: 'delete' | 'expire' | 'set' | 'tag' | 'clear'
  readonly process: number
  readonly place: Place
  readonly key?: number
  readonly tag?: string
  readonly beganAt: number
  /** Tick and time at which it was done; undefined while it is not. */
  doneAt?: number
  doneTime?: number
  outcome?: 'done' | 'rejected'
}

interface Member {
  readonly cache: readonly Cache[]
  readonly engine: Engine
  readonly far: Far
  readonly line: Line
  readonly bus: FaultyBus | undefined
  readonly held: ReturnType<typeof holdable> | undefined
  readonly clock: ReturnType<typeof stoppable>
  stopped: boolean
  hung: boolean
  /** When its store last came back. */
  backTime: number
}

/**
 * @param around what each process puts around its way to the store.
 * @throws Error that tells what was served, to whom, and which invalidation forbids it.
 */
export async function playAround(
  { setting, steps }: Story,
  around: (store: Store) => Store,
): Promise<void> {
  const world = new World(setting, around)
  await world.open()
  for (const [index, step] of steps.entries())
    await world.take(folded(step, setting), `step ${index}: ${step.do}`)
  await world.finish()
}

/** @throws Error that tells what was served, to whom, and which invalidation forbids it. */
export const play = (story: Story): Promise<void> => playAround(story, (store) => store)

function folded(step: Step, { firstKey, keys: width, places, processes }: Setting): Step {
  const fold = (key: number) => (firstKey + (key % width)) % keys.length
  return {
    ...step,
    ...('process' in step ? { process: step.process % processes } : {}),
    ...('place' in step ? { place: (step.place % places) as Place } : {}),
    ...('key' in step ? { key: fold(step.key) } : {}),
    ...('keys' in step ? { keys: [...new Set(step.keys.map(fold))] } : {}),
  } as Step
}

class World {
  readonly #setting: Setting
  readonly #clock: FakeClock
  readonly #members: Member[] = []
  readonly #known = new Map<number, Known>()
  readonly #errors = new Set<unknown>()
  readonly #runs: Run[] = []
  readonly #calls: Call[] = []
  readonly #noted: Noted[] = []
  readonly #faults: string[] = []
  /** Whether anything has been done to a process that excuses a second load or an older memo. */
  #disturbed: boolean
  /** How far apart the processes' clocks may be. */
  #jumpedMs = 0
  #unkeptTime = Number.NEGATIVE_INFINITY
  #tick = 1

  constructor(setting: Setting, around: (store: Store) => Store) {
    this.#setting = setting
    this.#clock = fakeClock({ seed: setting.seed % 2 ** 31 })
    this.#disturbed = setting.fault !== 'none' || setting.latency === 'long'
    const random = seededRandom(setting.seed)
    const backing = new MemoryBacking({ clock: this.#clock })
    const draw = () => {
      if (setting.latency === 'none') return 0
      if (setting.latency === 'long' && random() < 0.1) return 40 + Math.floor(random() * 120)
      return Math.floor(random() * 4)
    }
    for (let index = 0; index < setting.processes; index++) {
      const memory = memoryStore({ backing, clock: this.#clock })
      const store: Store = { ...memory }
      if (!setting.claims) {
        delete store.add
        delete store.replace
      }
      if (!setting.many) delete store.getMany
      const line = lineTo(store, this.#clock, draw, random)
      line.fault = setting.fault
      const held = setting.bus === 'none' ? undefined : holdable(memory.bus())
      const bus =
        held &&
        faultyBus(held, {
          clock: this.#clock,
          seed: setting.seed + index,
          faults:
            setting.bus === 'delayed'
              ? [{ kind: 'delay', ms: delayMs }]
              : setting.bus === 'lossy'
                ? [
                    { kind: 'drop', probability: 0.15 },
                    { kind: 'drop', on: 'publish', probability: 0.1 },
                    { kind: 'duplicate', probability: 0.1 },
                    { kind: 'reorder', probability: 0.1 },
                  ]
                : [],
        })
      const clock = stoppable(this.#clock)
      const settings = resolveCacheOptions({
        name: 'model',
        clock,
        store: around(line.store),
        bus: bus ?? false,
        memory: setting.near[index] ? {} : false,
        defaults: {
          ttl: setting.ttlMs,
          staleWhileRevalidate: setting.windowMs,
          staleIfError: setting.windowMs,
          softTimeout: 300,
          loadTimeout: loadTimeoutMs,
          jitter: 0,
        },
        policies: { 'called*': { tags: [tags[0]] } },
        resilience: {
          outageMemo: setting.outageMemoMs,
          ...(setting.narrow ? { loadConcurrency: 1, loadQueue: 100 } : {}),
        },
      })
      const engine = new Engine(settings)
      if (settings.far === undefined) throw new Error('no store')
      const far = new Far(engine, settings.far)
      engine.far = far
      const root = new CacheHandle(engine, engine.root, settings.policyOfKey)
      root.on('error', () => {})
      root.on('breaker', ({ state }) => {
        if (state === 'closed') this.#member(index).backTime = this.#time
      })
      this.#members.push({
        cache: [root, root.namespace('a')],
        engine,
        far,
        line,
        bus,
        held,
        clock,
        stopped: false,
        hung: false,
        backTime: Number.NEGATIVE_INFINITY,
      })
    }
  }

  async open(): Promise<void> {
    await this.#clock.advance(10)
  }

  async take(step: Step, label: string): Promise<void> {
    this.#tick++
    if ('place' in step && this.#members[step.process]?.stopped) return
    switch (step.do) {
      case 'wrap':
      case 'wrapMany':
      case 'get':
      case 'getMany':
        this.#ask(step, `${label} at ${step.process}`)
        break
      case 'set':
      case 'delete':
      case 'expire':
      case 'invalidateTags':
      case 'expireTags':
      case 'clear':
        await this.#invalidate(step)
        break
      case 'end': {
        const open = this.#runs.filter((run) => run.open && !this.#member(run.process).stopped)
        open[step.which % open.length]?.end(step.ending, step.names)
        break
      }
      case 'leave': {
        const leavers = this.#calls.filter((call) => call.controller && !call.settled)
        const call = leavers[step.which % leavers.length]
        if (call === undefined) break
        this.#unkeptTime = this.#time
        call.controller?.abort(new Error('left'))
        await turn()
        await turn()
        if (!call.settled) this.#faults.push(`${call.step}: left by its signal and still waiting`)
        break
      }
      case 'advance':
        await this.#clock.advance(step.ms)
        break
      case 'rest':
        await this.#rest()
        break
      case 'stop':
      case 'goOn':
        await this.#stop(step.process, step.do === 'stop')
        break
      case 'hang':
      case 'heal':
        this.#hang(step.process, step.do === 'hang')
        break
      case 'jump':
        this.#disturbed = true
        this.#jumpedMs += this.#setting.windowMs > 0 ? step.ms : 0
        this.#member(step.process).clock.jump(step.ms)
        break
      case 'cut':
      case 'mend':
        // Everywhere else a bus carries what it is given.
        if (this.#setting.bus !== 'lossy') break
        if (step.do === 'cut') this.#member(step.process).bus?.cut()
        else this.#member(step.process).bus?.heal()
        break
    }
    this.#complain()
  }

  /** Ends what is open, heals what is broken, and looks whether everybody has an answer, the right one, and nothing is left. */
  async finish(): Promise<void> {
    for (const [index, member] of this.#members.entries()) {
      await this.#stop(index, false)
      this.#hang(index, false)
      member.line.fault = 'none'
      if (this.#setting.bus === 'lossy') member.bus?.heal()
    }
    for (let round = 0; round < 60; round++) {
      await this.#clock.advance(round < 10 ? 10 : 300)
      const isAnswered =
        this.#calls.every((call) => call.settled) &&
        this.#noted.every(({ outcome }) => outcome !== undefined)
      if (isAnswered && !this.#runs.some((run) => run.open)) break
      this.#tick++
      for (const run of this.#runs) if (run.open) run.end('value', true)
    }
    for (const call of this.#calls) {
      if (!call.settled) this.#faults.push(`${call.step}: never settled`)
    }
    for (const noted of this.#noted) {
      if (noted.outcome === undefined) this.#faults.push(`${noted.what}: never settled`)
    }
    // Breakers close, journals are made up for, near tiers forget.
    await this.#clock.advance(12_000)
    this.#complain()
    this.#tick++
    for (let index = 0; index < this.#members.length; index++) {
      for (let place = 0; place < this.#setting.places; place++) {
        for (let key = 0; key < keys.length; key++) {
          this.#ask(
            { do: 'get', process: index, place: place as Place, key },
            `the last look at ${index}`,
            true,
          )
        }
      }
    }
    // As long as the longest deadline: only then is its lane's timer done.
    await this.#clock.advance(loadTimeoutMs + 200)
    for (const { engine, far } of this.#members) {
      const { flights, loading, deadlines } = engine
      if (flights.size > 0) this.#faults.push(`${flights.size} flights are left`)
      if (loading.size > 0) this.#faults.push(`${loading.size} loads are left`)
      if (!far.tier.journal.isEmpty) this.#faults.push('the journal is not empty')
      if (far.tier.pendingReads > 0) this.#faults.push('reads are left')
      if (far.tier.claims.size > 0) this.#faults.push('claims are left')
      if (far.loads.waiting > 0) this.#faults.push('somebody is still waiting')
      if (deadlines.lanes > 0) this.#faults.push(`${deadlines.lanes} lanes of deadlines are left`)
      engine.near?.clear()
      if (engine.root.heldTags > 0) this.#faults.push('marks of tags are left')
    }
    this.#complain()
    await Promise.all(this.#members.map(({ cache }) => cache[0]?.close()))
    // Messages that the bus holds back, and operations on their way, are not the caches' own.
    if (this.#setting.bus === 'delayed' || this.#setting.latency !== 'none')
      await this.#clock.advance(150)
    if (this.#clock.pendingTimers > 0) this.#faults.push('timers are left after close')
    this.#complain()
  }

  #ask(
    step: Extract<Step, { do: 'wrap' | 'wrapMany' | 'get' | 'getMany' }>,
    label: string,
    isLast = false,
  ): void {
    const { place, process } = step
    const cache = this.#member(process).cache[place] as Cache
    const asked = 'keys' in step ? step.keys : [step.key]
    const loads = step.do === 'wrap' || step.do === 'wrapMany'
    const call: Call = {
      step: label,
      process,
      place,
      beganAt: this.#tick,
      beganTime: this.#time,
      controller: loads && step.leaves ? new AbortController() : undefined,
      settled: false,
    }
    this.#calls.push(call)
    const options = {
      ...(loads && step.refresh ? { refresh: true } : {}),
      ...(call.controller === undefined ? {} : { signal: call.controller.signal }),
    }
    const judge = (key: number, value: unknown) => this.#judge(call, key, value, isLast)
    const only = asked[0] as number
    let answer: Promise<void>
    if (step.do === 'wrap') {
      answer = cache
        .wrap<unknown>(
          keyName(only),
          (context) => this.#load(process, place, [only], context, false),
          options,
        )
        .then((value) => judge(only, value))
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
          for (const [name, value] of values) judge(keyNumber(name), value)
        })
    } else if (step.do === 'get') {
      answer = cache.get(keyName(only)).then((value) => judge(only, value))
    } else {
      answer = cache
        .getMany([keyName(only)])
        .then((values) => judge(only, values.get(keyName(only))))
    }
    answer.then(
      () => {
        call.settled = true
      },
      (error: unknown) => {
        call.settled = true
        const isExpected =
          this.#errors.has(error) ||
          error instanceof LoadTimeoutError ||
          error === call.controller?.signal.reason
        if (!isExpected) this.#faults.push(`${label}: rejected with ${String(error)}`)
      },
    )
  }

  async #invalidate(
    step: Extract<
      Step,
      { do: 'set' | 'delete' | 'expire' | 'invalidateTags' | 'expireTags' | 'clear' }
    >,
  ): Promise<void> {
    const { process, place } = step
    const cache = this.#member(process).cache[place] as Cache
    const beganAt = ++this.#tick
    const noted: Noted[] = []
    const note = (what: Noted['what'], part: Partial<Noted> = {}) =>
      noted.push({ what, process, place, beganAt, ...part })
    let done: Promise<void>
    if (step.do === 'set') {
      note('set', { key: step.key })
      const value = this.#make(
        process,
        place,
        step.key,
        { readAt: beganAt, readTime: this.#time },
        [],
      )
      done = cache.set(keyName(step.key), value)
      const known = this.#known.get(value.id) as Known
      // Beside an invalidation in another process it may have come before or after.
      known.setAt = Number.POSITIVE_INFINITY
      done.then(
        () => {
          known.setAt = this.#tick
        },
        // It may still arrive, until it has been made up for.
        () => {},
      )
    } else if ('tag' in step) {
      const tag = tags[step.tag] as string
      note(step.do === 'expireTags' ? 'expire' : 'tag', { tag })
      done = cache[step.do]([tag])
    } else if (step.do === 'clear') {
      note('clear')
      done = cache.clear()
    } else {
      for (const key of step.keys) note(step.do, { key })
      done = cache[step.do](step.keys.map(keyName))
    }
    this.#noted.push(...noted)
    let settled = false
    const settle = (outcome: 'done' | 'rejected') => {
      settled = true
      this.#tick++
      for (const each of noted) {
        each.outcome = outcome
        each.doneAt = this.#tick
        each.doneTime = this.#time
      }
      this.#tick++
    }
    done.then(
      () => settle('done'),
      (error: unknown) => {
        if (!(error instanceof InvalidationError))
          this.#faults.push(`${step.do} rejected with ${String(error)}`)
        settle('rejected')
      },
    )
    if (!step.waits) return
    for (let waited = 0; waited < 30 && !settled; waited++) await this.#clock.advance(10)
    await this.#rest()
  }

  /** The origin: it reads at once, and answers when and how the story says. */
  #load(
    process: number,
    place: Place,
    loaded: readonly number[],
    context: LoaderContext,
    batch: boolean,
  ): Promise<unknown> {
    const startedAt = this.#tick
    this.#oneLoadOnly(process, place, loaded)
    return new Promise((resolve, reject) => {
      const run: Run = {
        process,
        place,
        keys: loaded,
        startedAt,
        startedTime: this.#time,
        signal: context.signal,
        open: true,
        end: (ending, names) => {
          run.open = false
          const isAborted = context.signal.aborted
          if (ending !== 'value' || isAborted) this.#unkeptTime = this.#time
          const named = new Set<string>()
          if (names || loaded.some((key) => keys[key]?.endsWith('late'))) named.add(tags[1])
          if (named.size > 0 && !isAborted) context.setTags([...named])
          if (ending === 'noTtl') context.setTtl(0)
          if (ending === 'error') {
            const error = new Error('the origin failed')
            this.#errors.add(error)
            reject(error)
            return
          }
          const made = loaded.map((key) =>
            ending === 'undefined'
              ? undefined
              : this.#make(
                  process,
                  place,
                  key,
                  { readAt: startedAt, readTime: run.startedTime, loadedTime: this.#time },
                  [...named],
                ),
          )
          const answer = batch ? made : made[0]
          resolve(ending === 'skip' ? context.skip(answer) : answer)
        },
      }
      context.signal.addEventListener('abort', () => {
        this.#unkeptTime = this.#time
      })
      this.#runs.push(run)
    })
  }

  #make(
    process: number,
    place: Place,
    key: number,
    when: Pick<Known, 'readAt' | 'readTime' | 'loadedTime'>,
    named: readonly string[],
  ): { id: number } {
    const id = this.#known.size + 1
    const under = keys[key]?.startsWith('called') ? [tags[0], ...named] : named
    this.#known.set(id, { process, place, key, ...when, tags: new Set(under) })
    return { id }
  }

  /** Somebody loads a key: then nobody else may be, unless something happened that allows for it. */
  #oneLoadOnly(process: number, place: Place, loaded: readonly number[]): void {
    // Behind a bulkhead a claim may have been voided long before its loader is called.
    const { claims, narrow } = this.#setting
    if (this.#disturbed || !claims || narrow || this.#time - this.#unkeptTime < 2_500) return
    for (const run of this.#runs) {
      if (!run.open || run.place !== place || run.signal.aborted) continue
      if (!run.keys.some((key) => loaded.includes(key))) continue
      if (this.#time - run.startedTime >= loadTimeoutMs) continue
      // Versions are read before the key is claimed, and its loader is called after that.
      const claimedTime = run.startedTime - 250
      if (this.#noted.some(({ doneTime }) => doneTime === undefined || doneTime >= claimedTime))
        continue
      this.#faults.push(
        `${process} loads ${loaded.map(keyName)} while ${run.process} does, since tick ${run.startedAt}`,
      )
    }
  }

  #judge(call: Call, key: number, value: unknown, isLast: boolean): void {
    if (value === undefined) return
    const known = this.#known.get((value as { id: number }).id)
    if (known === undefined) {
      this.#faults.push(`${call.step}: got something nobody made`)
      return
    }
    const served = `${call.step} (tick ${call.beganAt}, time ${call.beganTime}): got the ${keyName(known.key)} of ${known.readAt}`
    if (known.place !== call.place || known.key !== key) {
      this.#faults.push(`${served}, which is not its own`)
      return
    }
    for (const noted of this.#noted) {
      if (noted.beganAt <= known.readAt || !concerns(noted, call.place, key, known.tags)) continue
      if (noted.doneAt === undefined || noted.doneAt >= call.beganAt) continue
      if (this.#isExcused(call, known, noted, isLast)) continue
      // An expire leaves what it does not find; a set beside it may come after it.
      const isKeys = noted.what === 'delete' || noted.what === 'set'
      const mayArrive = known.setAt !== Number.POSITIVE_INFINITY || !isLast
      if (known.setAt !== undefined && noted.beganAt <= known.setAt && mayArrive) {
        if (!isKeys || noted.process !== known.process) continue
      }
      this.#faults.push(
        `${served}, but ${noted.what} by ${noted.process} was ${noted.outcome} at tick ${noted.doneAt}, time ${noted.doneTime}`,
      )
    }
  }

  #isExcused(call: Call, known: Known, noted: Noted, isLast: boolean): boolean {
    const { bus, near, claims, fault, windowMs } = this.#setting
    const sinceMs = call.beganTime - (noted.doneTime ?? 0)
    if (noted.what === 'expire') {
      // Still usable in its windows; and a store that lies about claims lies about this, too.
      // Of a tag the windows count from the instant that the one who expired it wrote down, by its own clock.
      const skewMs = noted.tag === undefined ? 0 : this.#jumpedMs
      if (sinceMs < windowMs + skewMs || fault === 'lost') return true
    }
    // Where a store cannot compare and set, nothing keeps an older load of another process out.
    if (!claims && (noted.process !== call.process || noted.process !== known.process)) return true
    if (isLast || noted.process === call.process) return false
    if (noted.outcome !== 'done') return true
    if (bus === 'sound') return false
    if (this.#isOutageExcused(call, known)) return true
    if (near[call.process] === false) return false
    return sinceMs <= (bus === 'delayed' ? delayMs : bus === 'lossy' ? 3_100 : 1_000)
  }

  /**
   * While the store does not answer nobody can be asked what others have invalidated. What was loaded is believed near
   * for `outageMemo` after it came; and whoever joins a load under way gets its value as long as that would be believed.
   */
  #isOutageExcused(call: Call, known: Known): boolean {
    const { near, outageMemoMs } = this.#setting
    if (known.process !== call.process || known.loadedTime === undefined) return false
    // It is kept once the store has been waited for.
    const isMemo = call.beganTime - known.loadedTime <= outageMemoMs + storeTimeoutMs
    if (near[call.process] === true) return this.#disturbed && isMemo
    const { far, backTime } = this.#member(call.process)
    // Waiters learn of it when the load lands; the store may come back in the same instant.
    const isOut = !far.tier.store.isUsable || this.#time - backTime <= 5
    return isOut && call.beganTime - known.readTime <= outageMemoMs
  }

  async #stop(process: number, stop: boolean): Promise<void> {
    const member = this.#member(process)
    if (member.stopped === stop) return
    this.#disturbed = true
    member.stopped = stop
    if (stop) {
      member.line.pause()
      member.held?.hold()
      member.clock.stop()
      return
    }
    member.clock.goOn()
    await turn()
    if (!member.hung) member.line.resume()
    member.held?.release()
    await this.#rest()
  }

  #hang(process: number, hang: boolean): void {
    const member = this.#member(process)
    if (member.hung === hang) return
    this.#disturbed = true
    member.hung = hang
    if (hang) member.line.pause()
    else if (!member.stopped) member.line.resume()
  }

  async #rest(): Promise<void> {
    for (let turns = 0; turns < 6; turns++) await turn()
  }

  #member(process: number): Member {
    return this.#members[process] as Member
  }

  get #time(): number {
    return this.#clock.monotonic()
  }

  #complain(): void {
    if (this.#faults.length > 0) throw new Error(this.#faults.join('\n'))
  }
}

const delayMs = 40
const storeTimeoutMs = 200

function concerns(noted: Noted, place: Place, key: number, under: ReadonlySet<string>): boolean {
  if (noted.what === 'clear') return place >= noted.place
  if (noted.tag !== undefined) return place >= noted.place && under.has(noted.tag)
  return noted.place === place && noted.key === key
}

function keyName(key: number): string {
  return keys[key] as string
}

function keyNumber(name: string): number {
  return keys.indexOf(name as (typeof keys)[number])
}
