import { writeFileSync } from 'node:fs'
import { type Cache, createCache } from '@holdfast/core'
import { instrument, prometheus } from '@holdfast/core/telemetry'

/*
 * `node --conditions=holdfast-source benchmarks/micro/telemetry.ts`: what telemetry costs a call. Each figure is CPU
 * time, the median of rounds that take turns, so that whatever slows this machine slows all of them alike. Fails where
 * the looks whether somebody listens cost a call more than 50 ns while nobody does.
 */

const rounds = 15
const mostNsOfLooks = 50
const calls = 200_000

/** A tracer that does as little as a tracer can. */
const span = { setAttribute: () => span, setStatus: () => span, end: () => {} }
const tracer = {
  startActiveSpan: <T>(_: string, __: object, run: (given: typeof span) => T) => run(span),
}

interface Arm {
  readonly name: string
  readonly cache: Cache
  readonly ask: (cache: Cache, count: number) => Promise<void>
}

async function hits(cache: Cache, count: number): Promise<void> {
  for (let call = 0; call < count; call++) await cache.wrap('kept', () => 1)
}

/** Each is a load: of a key that is deleted again by a ttl of 0. */
async function misses(cache: Cache, count: number): Promise<void> {
  for (let call = 0; call < count; call++) await cache.wrap('absent', () => 1, { ttl: 0 })
}

function cacheWith(attach: (cache: Cache) => unknown): Cache {
  const cache = createCache()
  attach(cache)
  return cache
}

const nothing = () => {}
const arms: readonly Arm[] = [
  { name: 'hit, nobody listens', cache: cacheWith(nothing), ask: hits },
  { name: 'hit, prometheus() asked', cache: cacheWith(prometheus), ask: hits },
  {
    name: 'hit, tracer attached',
    cache: cacheWith((cache) => instrument(cache, { tracer })),
    ask: hits,
  },
  { name: 'load, nobody listens', cache: cacheWith(nothing), ask: misses },
  { name: 'load, prometheus() asked', cache: cacheWith(prometheus), ask: misses },
  {
    name: 'load, tracer attached',
    cache: cacheWith((cache) => instrument(cache, { tracer })),
    ask: misses,
  },
]

/** What telemetry asks of a cache, as a load over a store asks it: the one place is `observe/observer.ts`. */
interface Asked {
  hears(name: 'hit' | 'miss' | 'load'): boolean
  readonly tracing: unknown
  readonly measure: unknown
}
const unheard = cacheWith(nothing) as unknown as Record<symbol, { engine: { observer: Asked } }>
const { observer } = unheard[Symbol.for('holdfast.inside')]!.engine

/** The looks of one load over a store: its events, its spans, its claim, its size and two operations of the store. */
function looks(count: number): number {
  let heard = 0
  for (let call = 0; call < count; call++) {
    if (observer.hears('miss')) heard++
    if (observer.hears('load')) heard++
    for (let place = 0; place < 3; place++) if (observer.tracing !== undefined) heard++
    for (let place = 0; place < 4; place++) if (observer.measure !== undefined) heard++
  }
  return heard
}

const cpuNs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1_000
}

const figures = new Map(arms.map(({ name }) => [name, [] as number[]]))
const ofLooks: number[] = []
for (const { cache } of arms) await cache.set('kept', 1)
for (let round = -2; round < rounds; round++) {
  for (const { name, cache, ask } of arms) {
    const count = ask === hits ? calls : calls / 10
    const before = cpuNs()
    await ask(cache, count)
    if (round >= 0) figures.get(name)?.push((cpuNs() - before) / count)
  }
  const before = cpuNs()
  if (looks(calls * 10) > 0) throw new Error('somebody listens')
  if (round >= 0) ofLooks.push((cpuNs() - before) / (calls * 10))
}

const median = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const nsOfLooks = Number(median(ofLooks).toFixed(1))
const results = Object.fromEntries(
  [...figures].map(([name, all]) => [name, Number(median(all).toFixed(1))]),
)
for (const { cache } of arms) await cache.close()
console.log(results, { nsOfLooks })
const file = new URL('../results/telemetry.json', import.meta.url)
const measured = {
  nsPerCall: results,
  nsOfLooks,
  rounds,
  node: process.version,
  at: new Date().toISOString(),
}
writeFileSync(file, `${JSON.stringify(measured, undefined, 2)}\n`)
if (nsOfLooks > mostNsOfLooks) {
  console.error(
    `while nobody listens a call pays ${nsOfLooks} ns, and ${mostNsOfLooks} are allowed`,
  )
  process.exitCode = 1
}
