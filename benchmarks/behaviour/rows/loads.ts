import type { Library } from '../library.ts'
import { nameOf, outcomeOf, type Seen, sleep, times } from '../seen.ts'

const callers = 100

/** 100 callers ask for a key that is not kept; the loader takes 20 ms. */
export async function coldKey(library: Library): Promise<Seen> {
  let calls = 0
  const { ask } = await library.open({
    async load() {
      calls++
      await sleep(20)
      return 'value'
    },
  })
  await Promise.all(Array.from({ length: callers }, () => ask('key')))
  return { short: times(calls), long: `${times(calls)} of the loader` }
}

/** 100 callers ask for a key whose loader fails after 20 ms. */
export async function failingLoader(library: Library): Promise<Seen> {
  const thrown: Error[] = []
  const { ask } = await library.open({
    async load() {
      await sleep(20)
      const error = new Error('the origin is down')
      thrown.push(error)
      throw error
    },
  })
  const outcomes = await Promise.all(
    Array.from({ length: callers }, () => outcomeOf(() => ask('key'), 10_000)),
  )
  const original = outcomes.filter(
    (outcome) => outcome.kind === 'error' && thrown.includes(outcome.error as Error),
  ).length
  const [first] = outcomes
  const spanMs = Math.max(...outcomes.map((outcome) => (outcome.kind === 'open' ? 0 : outcome.ms)))
  const got =
    original === callers
      ? 'all callers get the error that the loader threw'
      : first?.kind === 'error'
        ? `callers get \`${nameOf(first.error)}\`${first.error instanceof Error && thrown.includes(first.error.cause as Error) ? ', with the thrown error as its cause' : ''}`
        : `callers resolve with ${first?.kind === 'value' ? `\`${String(first.value)}\`` : 'nothing'}`
  const shortGot =
    original === callers ? 'its error' : first?.kind === 'error' ? 'another error' : '`undefined`'
  const span =
    thrown.length > 1 ? `, one after the other, ${(spanMs / 1000).toFixed(1)} s in all` : ''
  return {
    short: `${times(thrown.length)}, ${shortGot}`,
    long: `${times(thrown.length)} of the loader${span}; ${got}`,
  }
}

const watchMs = 31_000

/**
 * The first load never ends; every later one would end at once. When does a caller who comes later get a value? First
 * as the library is by default, then with its own option for the time that a load may take, where it has one.
 */
export async function hungLoader(library: Library): Promise<Seen> {
  const [byDefault, byOption] = await Promise.all([
    usableAfter(library, undefined),
    library.options.loadTimeout === undefined ? undefined : usableAfter(library, 1000),
  ])
  const long =
    byDefault === undefined
      ? `a caller who comes later had no value after ${watchMs / 1000} s`
      : `a caller who comes later gets a value ${seconds(byDefault)} after the hung load began`
  const option =
    byOption === undefined
      ? 'no option for it'
      : `with \`${library.options.loadTimeout}\` of 1 s, after ${seconds(byOption)}`
  return {
    short:
      byDefault !== undefined
        ? `free after ${seconds(byDefault)}`
        : byOption !== undefined
          ? 'stays stuck; an option frees it'
          : 'stays stuck',
    long: `${long}; ${option}`,
  }
}

async function usableAfter(
  library: Library,
  loadTimeoutMs: number | undefined,
): Promise<number | undefined> {
  let calls = 0
  const { ask } = await library.open({
    load: async () => (calls++ === 0 ? new Promise<never>(() => undefined) : 'value'),
    ...(loadTimeoutMs !== undefined && { loadTimeoutMs }),
  })
  const began = performance.now()
  ask('key').catch(() => undefined)
  while (performance.now() - began < watchMs) {
    const outcome = await outcomeOf(() => ask('key'), 250)
    if (outcome.kind === 'value') return performance.now() - began
    await sleep(50)
  }
  return undefined
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`

/** A loader asks the cache, 5 ms after it began, for the key that it is loading. */
export async function ownKey(library: Library): Promise<Seen> {
  let calls = 0
  const { ask } = await library.open({
    async load(key) {
      if (++calls > 3) return 'stopped by this script'
      await sleep(5)
      return await ask(key)
    },
  })
  const outcome = await outcomeOf(() => ask('key'), 1000)
  switch (outcome.kind) {
    case 'error':
      return {
        short: `\`${nameOf(outcome.error)}\``,
        long: `rejects with \`${nameOf(outcome.error)}\` after ${Math.ceil(outcome.ms)} ms`,
      }
    case 'value':
      return {
        short: 'loads inside itself',
        long: `the loader ran inside itself until this script stopped it after ${times(calls)}`,
      }
    case 'open':
      return { short: 'hangs', long: `waits for itself: nothing had happened after 1 s` }
  }
}

/**
 * Three callers share a load of 100 ms: the first has a signal that aborts after 10 ms, the second has none, and the
 * third has one that aborts after 20 ms.
 */
export async function oneCallerLeaves(library: Library): Promise<Seen> {
  if (library.options.signal === undefined) {
    return { short: 'no signal', long: 'its calls take no `AbortSignal`' }
  }
  const { ask } = await library.open({
    async load() {
      await sleep(100)
      return 'value'
    },
  })
  const first = new AbortController()
  const third = new AbortController()
  const calls = [
    outcomeOf(() => ask('key', first.signal), 1000),
    outcomeOf(() => ask('key'), 1000),
    outcomeOf(() => ask('key', third.signal), 1000),
  ]
  setTimeout(() => first.abort(), 10)
  setTimeout(() => third.abort(), 20)
  const [a, b, c] = (await Promise.all(calls)).map((outcome) =>
    outcome.kind === 'error'
      ? `is rejected after ${Math.round(outcome.ms / 10) * 10} ms`
      : outcome.kind === 'value'
        ? 'gets the value'
        : 'had no answer after 1 s',
  )
  return {
    short: b === 'gets the value' ? 'spares the others' : 'ends it for all',
    long: `the first caller ${a}, the second, without a signal, ${b}, the third ${c}`,
  }
}

/** Four instances over one store that they share, 25 callers each, one cold key, a loader that takes 60 ms. */
export async function sharedStore(library: Library): Promise<Seen> {
  if (library.openShared === undefined) {
    return { short: 'no second tier', long: 'it has no tier that processes could share' }
  }
  let calls = 0
  const asks = await library.openShared(async () => {
    calls++
    await sleep(60)
    return 'value'
  }, 4)
  await Promise.all(asks.flatMap((ask) => Array.from({ length: 25 }, () => ask('key'))))
  return { short: times(calls), long: `${times(calls)} of the loader` }
}

/** Ten keys are asked for in one call while three of them are being loaded for others; a load takes 50 ms. */
export async function batchJoinsLoads(library: Library): Promise<Seen> {
  if (library.openBatch === undefined) {
    return { short: 'no batch', long: 'no call that loads what is missing of many keys' }
  }
  const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`)
  const asked: number[] = []
  const { ask, askMany } = await library.openBatch(
    async (key) => {
      await sleep(50)
      return key
    },
    async (missing) => {
      asked.push(missing.length)
      await sleep(50)
      return [...missing]
    },
  )
  const others = Promise.all(keys.slice(0, 3).map((key) => ask(key)))
  await sleep(10)
  const outcome = await outcomeOf(() => askMany(keys), 2000)
  await others
  if (outcome.kind !== 'value') {
    return {
      short: 'no answer',
      long:
        outcome.kind === 'open' ? 'had no answer after 2 s' : `failed: ${nameOf(outcome.error)}`,
    }
  }
  const loaded = asked.reduce((sum, count) => sum + count, 0)
  const joined = keys.length - loaded
  return {
    short: joined > 0 ? `joins ${joined} of 3` : 'loads them again',
    long: `${times(asked.length)} of the batch loader, for ${loaded} keys: ${joined === 0 ? 'those under way were loaded a second time' : `${joined} loads under way were joined`}`,
  }
}
