import { GCProfiler } from 'node:v8'
import { type Ask, type Candidate, immediately, type Load } from './candidates.ts'
import { keyCount, keyOf, makeUser, seededRandom, type User, zipfDraws } from './workload.ts'

/** CPU time, not wall time: a neighbour on the same core slows the clock on the wall and not the work. */
function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

const sliceLength = 8_192
const warmUpMs = 300
const measuredMs = 200

/** One call after the other, each awaited: what a request handler does. Returns a sum, so that no answer goes unused. */
async function askAwaited(ask: Ask, keys: readonly string[]): Promise<number> {
  let sum = 0
  for (let at = 0; at < keys.length; at++) sum += (await ask(keys[at]!))!.id
  return sum
}

function askAtOnce(ask: Ask, keys: readonly string[]): number {
  let sum = 0
  for (let at = 0; at < keys.length; at++) sum += (ask(keys[at]!) as User).id
  return sum
}

function asking(candidate: Candidate): (ask: Ask, keys: readonly string[]) => unknown {
  return candidate.synchronous ? askAtOnce : askAwaited
}

function sumOf(keys: readonly string[]): number {
  return keys.reduce((sum, key) => sum + Number(key.slice(5)), 0)
}

/** Nanoseconds of CPU time per call. `nextKeys` is not timed. */
async function nsPerCall(
  candidate: Candidate,
  ask: Ask,
  nextKeys: () => readonly string[],
): Promise<number> {
  const run = asking(candidate)
  const spend = async (budgetMs: number) => {
    let spent = 0
    let calls = 0
    while (spent < budgetMs * 1_000) {
      const keys = nextKeys()
      const before = cpuMicroseconds()
      const sum = await run(ask, keys)
      spent += cpuMicroseconds() - before
      calls += keys.length
      if (sum !== sumOf(keys)) throw new Error(`${candidate.name} answered with wrong values`)
    }
    return (spent * 1_000) / calls
  }
  await spend(warmUpMs)
  return spend(measuredMs)
}

/** Every key is kept; the draws are slices of one zipf sequence. */
async function openFull(candidate: Candidate): Promise<{ ask: Ask; nextKeys: () => string[] }> {
  const ids = Array.from({ length: keyCount }, (_, id) => keyOf(id))
  const ask = await candidate.open(immediately)
  for (const key of ids) await ask(key)
  const draws = zipfDraws(ids, sliceLength * 16)
  let at = 0
  const nextKeys = () => {
    const from = at
    at = (at + sliceLength) % draws.length
    return draws.slice(from, from + sliceLength)
  }
  return { ask, nextKeys }
}

export async function hit(candidate: Candidate): Promise<number> {
  const { ask, nextKeys } = await openFull(candidate)
  return nsPerCall(candidate, ask, nextKeys)
}

/** Every key is new, so that a bounded cache also evicts with each call. */
export async function miss(candidate: Candidate): Promise<number> {
  const template = makeUser(0)
  let loads = 0
  // As cheap as a loader can be, since its cost is in both sides of the ratio.
  const ask = await candidate.open(async () => ({ ...template, id: loads++ }))
  let next = 0
  return nsPerCall(candidate, ask, () => Array.from({ length: sliceLength }, () => keyOf(next++)))
}

/**
 * Holdfast and the floor in one process, in turns: what both cost where their code, and lru-cache's under them, is
 * shared. Returns the ratio of their CPU times.
 */
export async function together(candidate: Candidate, other: Candidate): Promise<number> {
  const sides = [await openFull(candidate), await openFull(other)]
  const spent = [0, 0]
  for (const budgetMs of [warmUpMs, measuredMs]) {
    spent.fill(0)
    while (Math.min(...spent) < budgetMs * 1_000) {
      for (const [side, { ask, nextKeys }] of sides.entries()) {
        // A turn of some 20 ms: what the processor's caches held of the other side is soon replaced.
        for (let slice = 0; slice < 16; slice++) {
          const keys = nextKeys()
          const before = cpuMicroseconds()
          await askAwaited(ask, keys)
          spent[side]! += cpuMicroseconds() - before
        }
      }
    }
  }
  return spent[0]! / spent[1]!
}

/**
 * Bytes allocated per hit. The process runs with a young generation so large that nothing is collected meanwhile,
 * and a run in which something was collected after all does not count. What a run of no calls allocates is taken off.
 */
export async function allocation(candidate: Candidate): Promise<number> {
  const { ask, nextKeys } = await openFull(candidate)
  await nsPerCall(candidate, ask, nextKeys)
  const ofNothing = await leastGrowth(candidate, ask, () => [])
  const ofCalls = await leastGrowth(candidate, ask, nextKeys)
  return Math.max(0, ofCalls - ofNothing) / sliceLength
}

async function leastGrowth(
  candidate: Candidate,
  ask: Ask,
  nextKeys: () => readonly string[],
): Promise<number> {
  const run = asking(candidate)
  const grown: number[] = []
  for (let attempt = 0; attempt < 40 && grown.length < 5; attempt++) {
    const keys = nextKeys()
    collect()
    const profiler = new GCProfiler()
    profiler.start()
    const before = process.memoryUsage().heapUsed
    await run(ask, keys)
    const after = process.memoryUsage().heapUsed
    if (profiler.stop()!.statistics.length === 0) grown.push(after - before)
  }
  if (grown.length === 0) throw new Error(`${candidate.name}: no run without a collection`)
  return Math.min(...grown)
}

const million = 1_000_000

/** Of one entry out of a million, value and key included: kept, and after each was asked for once and twice. */
export interface EntryBytes {
  readonly kept: number
  readonly hitOnce: number
  readonly hitTwice: number
}

export async function memory(candidate: Candidate): Promise<EntryBytes> {
  const before = usedBytes()
  const ask = await candidate.open(immediately, million)
  for (let id = 0; id < million; id++) await ask(keyOf(id))
  const bytes = [(usedBytes() - before) / million]
  for (let hits = 1; hits <= 2; hits++) {
    for (let id = 0; id < million; id++) await ask(keyOf(id))
    bytes.push((usedBytes() - before) / million)
  }
  if ((await ask(keyOf(0)))!.id !== 0) throw new Error(`${candidate.name} lost its entries`)
  return { kept: bytes[0]!, hitOnce: bytes[1]!, hitTwice: bytes[2]! }
}

/** What the keys and values of `memory` take by themselves. */
export function memoryOfData(): EntryBytes {
  const before = usedBytes()
  const keys: string[] = new Array(million)
  const values: User[] = new Array(million)
  for (let id = 0; id < million; id++) {
    keys[id] = keyOf(id)
    values[id] = makeUser(id)
  }
  // The two slots that refer to them belong to whoever keeps them.
  const bytes = (usedBytes() - before) / million - 16
  if (keys.length + values.length !== 2 * million) throw new Error('unreachable')
  return { kept: bytes, hitOnce: bytes, hitTwice: bytes }
}

/** Bytes the heap grows by per wrap, over two million new keys with two callers each, of which one load in a hundred fails. */
export async function churn(candidate: Candidate): Promise<number> {
  const random = seededRandom(keyCount)
  const failing: Load = (key) =>
    random() < 0.01 ? Promise.reject(new Error('no such user')) : immediately(key)
  const ask = await candidate.open(failing)
  let next = 0
  const spend = async (wraps: number) => {
    for (const end = next + wraps / 2; next < end; ) {
      const key = keyOf(next++)
      await Promise.allSettled([ask(key), ask(key)])
    }
  }
  await spend(200_000)
  const before = usedBytes()
  await spend(2_000_000)
  return (usedBytes() - before) / 2_000_000
}

function usedBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function collect(): void {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('start this process with --expose-gc')
  // The second one takes what finalizers of the first have let go.
  gc()
  gc()
}
