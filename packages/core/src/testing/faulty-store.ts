import { type Clock, systemClock } from '../clock.ts'
import { ClosedError, InvalidOptionError, StoreError } from '../errors.ts'
import { refuseUnknownName } from '../options/known-names.ts'
import type { Keep, MetricsByServer, ServerStates, Store, StoreEntry } from '../store/store.ts'
import { wait } from './conformance-case.ts'
import { FaultDice, type FaultTiming } from './faults.ts'

/** The calls of a store that a fault can strike. */
export type StoreOperation =
  | 'get'
  | 'set'
  | 'delete'
  | 'getMany'
  | 'setMany'
  | 'deleteMany'
  | 'add'
  | 'replace'
  | 'touch'
  | 'list'
  | 'metrics'

/** What goes wrong. */
export type StoreFaultKind =
  /** The call starts later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** No answer, until `heal()`. `applied`: the store did its work and only the answer is missing. */
  | { readonly kind: 'hang'; readonly applied?: boolean }
  /** Rejects with `error`; default: a `StoreError` of kind `unavailable`. `applied`: after the work was done. */
  | { readonly kind: 'reject'; readonly error?: unknown; readonly applied?: boolean }
  /** Nothing happens, and the answer says that it did. A read answers that there is nothing. */
  | { readonly kind: 'drop' }
  /** So many bits are turned over, in what is stored and in what is answered. Default 1. */
  | { readonly kind: 'damage'; readonly bits?: number }
  /** A read answers with bytes of another key, once another one was seen; the answers of `getMany` move on by one. */
  | { readonly kind: 'swap' }

export type StoreFault = StoreFaultKind &
  FaultTiming & {
    /** Default: every operation. */
    readonly on?: StoreOperation | readonly StoreOperation[]
    /** Only calls that name a key which matches. Default: every key. */
    readonly key?: string | RegExp
  }

export interface StoreFaultScript {
  /** What chances and damage follow from; the same seed repeats them. Default 1. */
  readonly seed?: number
  /** What delays are counted by. Default: the machine's own clock. */
  readonly clock?: Clock
  readonly faults: readonly StoreFault[]
}

/** A store that fails on purpose. */
export type FaultyStore = Store & {
  /** Replaces the faults, from the next call on. */
  play(faults: readonly StoreFault[]): void
  /** Ends all faults, as when a stopped server goes on: calls that hang are carried out now, and answered. */
  heal(): void
  /** How many calls of each operation have come in. */
  calls(operation: StoreOperation): number
}

const operations: readonly StoreOperation[] = [
  'get',
  'set',
  'delete',
  'getMany',
  'setMany',
  'deleteMany',
  'add',
  'replace',
  'touch',
  'list',
  'metrics',
]
const kinds: readonly StoreFault['kind'][] = ['delay', 'hang', 'reject', 'drop', 'damage', 'swap']

/** A misspelt fault would never strike, and the test that plays it would always pass. */
function checked(faults: readonly StoreFault[]): readonly StoreFault[] {
  if (!Array.isArray(faults))
    throw new InvalidOptionError('faultyStore expects a list of faults, empty for none')
  for (const { kind, on = [] } of faults as readonly StoreFault[]) {
    refuseUnknownName(String(kind), kinds, 'faultyStore has no kind of fault')
    for (const operation of [on].flat())
      refuseUnknownName(String(operation), operations, 'faultyStore has no operation')
  }
  return faults
}

const unanswered = new Set<StoreFaultKind['kind']>(['hang', 'reject', 'drop'])

/**
 * The store `store` with faults by script, per operation and per nth call. Without faults it changes nothing and
 * passes the conformance suite.
 * @throws {InvalidOptionError} for a script without a list of faults, and for a fault or an operation that does not exist.
 */
export function faultyStore(store: Store, script: StoreFaultScript): FaultyStore {
  if (!Array.isArray(script?.faults)) {
    throw new InvalidOptionError('faultyStore expects a script { faults: [...] }, empty for none')
  }
  const clock = script.clock ?? systemClock
  const dice = new FaultDice(script.seed ?? 1)
  const counts = new Map<StoreOperation, number>()
  const seen = new RecentlySeen()
  let faults = checked(script.faults)
  let closed = false
  const hanging = new Set<{ goOn(): void; end(error: Error): void }>()

  const struckBy = (operation: StoreOperation, keys: readonly string[]) => {
    const call = dice.count(operation)
    counts.set(operation, call)
    return faults.filter(
      (fault) =>
        (fault.on === undefined || [fault.on].flat().includes(operation)) &&
        (fault.key === undefined || keys.some((key) => matchesKey(fault.key!, key))) &&
        dice.strikes(fault, call),
    )
  }

  /** `run` gets the change to make to bytes on their way in; `answer` the one on their way out. */
  const strike = async <T>(
    operation: StoreOperation,
    keys: readonly string[],
    lie: T,
    run: (damage: (bytes: Uint8Array) => Uint8Array) => Promise<T>,
    answer: (result: T, struck: Struck) => T = (result) => result,
  ): Promise<T> => {
    const active = struckBy(operation, keys)
    if (closed || active.length === 0) return answer(await run(same), unharmed)
    for (const fault of active) if (fault.kind === 'delay') await wait(fault.ms, clock)
    const damaging = active.find((fault) => fault.kind === 'damage')
    const struck: Struck = {
      damage: damaging ? (bytes) => dice.damage(bytes, damaging.bits ?? 1) : same,
      swap: active.some((fault) => fault.kind === 'swap'),
    }
    const work = () => run(struck.damage)
    const fault = active.find(({ kind }) => unanswered.has(kind))
    if (fault?.kind === 'drop') return lie
    if (fault?.kind === 'reject') {
      if (fault.applied === true) await work()
      throw 'error' in fault ? fault.error : unavailable(store.name, operation)
    }
    if (fault?.kind === 'hang') {
      const done = fault.applied === true ? await work() : undefined
      await new Promise<void>((goOn, end) => hanging.add({ goOn, end }))
      return fault.applied === true ? (done as T) : run(same)
    }
    return answer(await work(), struck)
  }

  const one = (key: string) => (bytes: Uint8Array | undefined, struck: Struck) => {
    if (bytes === undefined) return struck.swap ? seen.other(key) : undefined
    const answered = struck.swap ? (seen.other(key) ?? bytes) : bytes
    seen.note(key, bytes)
    return struck.damage(answered)
  }
  const write = (key: string, bytes: Uint8Array, damage: (bytes: Uint8Array) => Uint8Array) => {
    seen.note(key, bytes)
    return damage(bytes)
  }

  const faulty: FaultyStore = {
    name: store.name,
    capabilities: store.capabilities,
    play(next) {
      faults = checked(next)
    },
    heal() {
      faults = []
      for (const call of hanging) call.goOn()
      hanging.clear()
    },
    calls: (operation) => counts.get(operation) ?? 0,

    get: (key) => strike('get', [key], undefined, () => store.get(key), one(key)),
    set: (key: string, bytes: Uint8Array, keep: Keep) =>
      strike('set', [key], undefined, (damage) => store.set(key, write(key, bytes, damage), keep)),
    delete: (key) => strike('delete', [key], undefined, () => store.delete(key)),
  }
  if (store.getMany) {
    faulty.getMany = (keys) =>
      strike(
        'getMany',
        keys,
        keys.map(() => undefined) as (Uint8Array | undefined)[],
        () => store.getMany!(keys),
        (answers, struck) => {
          const moved = struck.swap ? [...answers.slice(1), ...answers.slice(0, 1)] : answers
          return moved.map((bytes) => (bytes === undefined ? undefined : struck.damage(bytes)))
        },
      )
  }
  if (store.setMany) {
    faulty.setMany = (entries: readonly StoreEntry[]) =>
      strike(
        'setMany',
        entries.map(({ key }) => key),
        undefined,
        (damage) =>
          store.setMany!(
            entries.map((entry) => ({ ...entry, bytes: write(entry.key, entry.bytes, damage) })),
          ),
      )
  }
  if (store.deleteMany) {
    faulty.deleteMany = (keys) =>
      strike('deleteMany', keys, undefined, () => store.deleteMany!(keys))
  }
  if (store.add) {
    faulty.add = (key, bytes, keep) =>
      strike(
        'add',
        [key],
        undefined,
        (damage) => store.add!(key, write(key, bytes, damage), keep),
        (there, struck) => (there === undefined ? undefined : one(key)(there, struck)),
      )
  }
  if (store.replace) {
    faulty.replace = (key, head, bytes, keep) =>
      strike('replace', [key], true, (damage) =>
        store.replace!(key, head, write(key, bytes, damage), keep),
      )
  }
  if (store.touch) {
    faulty.touch = (key, keep) => strike('touch', [key], true, () => store.touch!(key, keep))
  }
  if (store.list) {
    faulty.list = async function* (prefix) {
      const nothing = (async function* () {})()
      yield* await strike<AsyncIterable<string>>('list', [prefix], nothing, async () =>
        store.list!(prefix),
      )
    }
  }
  if (store.bus) faulty.bus = () => store.bus!()
  if (store.metrics) {
    faulty.metrics = () => strike('metrics', [], {}, () => store.metrics!())
  }
  const { metricsByServer, serverStates } = store as Partial<MetricsByServer & ServerStates>
  if (serverStates) Object.assign(faulty, { serverStates } satisfies ServerStates)
  if (metricsByServer) {
    const none: Awaited<ReturnType<typeof metricsByServer>> = new Map()
    Object.assign(faulty, {
      metricsByServer: () => strike('metrics', [], none, () => metricsByServer.call(store)),
    } satisfies MetricsByServer)
  }
  if (store.close) {
    faulty.close = async () => {
      closed = true
      for (const call of hanging) {
        call.end(new ClosedError(`the store '${store.name}' was closed while a call was waiting`))
      }
      hanging.clear()
      await store.close!()
    }
  }
  return faulty
}

interface Struck {
  damage(bytes: Uint8Array): Uint8Array
  readonly swap: boolean
}

const same = (bytes: Uint8Array) => bytes
const unharmed: Struck = { damage: same, swap: false }

function matchesKey(pattern: string | RegExp, key: string): boolean {
  // `search` and not `test`: a pattern with the flag g would remember where it stopped.
  return typeof pattern === 'string' ? pattern === key : key.search(pattern) >= 0
}

const unavailable = (name: string, operation: string) =>
  new StoreError(`${operation} on the store '${name}' failed, because the fault script says so`, {
    kind: 'unavailable',
    store: name,
    operation,
  })

/** The bytes of the last two keys that were seen: enough to answer any key with those of another. */
class RecentlySeen {
  #last: readonly { readonly key: string; readonly bytes: Uint8Array }[] = []

  note(key: string, bytes: Uint8Array): void {
    const others = this.#last.filter((entry) => entry.key !== key)
    this.#last = [{ key, bytes: new Uint8Array(bytes) }, ...others].slice(0, 2)
  }

  other(key: string): Uint8Array | undefined {
    const other = this.#last.find((entry) => entry.key !== key)
    return other && new Uint8Array(other.bytes)
  }
}
