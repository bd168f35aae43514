import assert from 'node:assert/strict'
import { systemClock } from '../clock.ts'
import { readFunction, readObject } from '../options/readers.ts'
import type { Store, StoreCapabilities } from '../store/store.ts'
import { atomicCases } from './conformance-atomic.ts'
import { byteCases } from './conformance-bytes.ts'
import { type ConformanceCase, freshPrefix, wait } from './conformance-case.ts'
import { lifeCases } from './conformance-life.ts'
import { limitCases } from './conformance-limits.ts'
import { manyCases } from './conformance-many.ts'
import { ttlCases } from './conformance-ttl.ts'
import { type OptionalMethod, optionalMethods, type StoreCase } from './store-case.ts'

/** A store on trial, for stores that need more than themselves. */
export interface StoreOnTrial {
  readonly store: Store
  /** Moves the clock of a store whose clock was injected. Absent: the cases wait in real time. */
  advance?(ms: number): void | Promise<void>
  /** Run after the case, when the store has been closed: to stop what `create` started. */
  release?(): void | Promise<void>
}

export interface StoreConformanceOptions {
  /** Makes a store for one case. Stores of several cases may share a server: each case uses keys of its own. */
  create(): Store | StoreOnTrial | Promise<Store | StoreOnTrial>
  /** What the store declares. Has to equal the store's own `capabilities`. */
  readonly capabilities: StoreCapabilities
  /**
   * The optional methods that the store is meant to have. Given, the list is exact: only cases for these are listed,
   * a method that is missing fails, and so does one too many. Absent: a case whose method the store lacks says so in
   * its outcome and checks nothing.
   */
  readonly methods?: readonly OptionalMethod[]
}

const allCases: readonly StoreCase[] = [
  ...byteCases,
  ...ttlCases,
  ...limitCases,
  ...manyCases,
  ...atomicCases,
  ...lifeCases,
]

/**
 * The named cases that every store passes, on `node:assert` and for any runner:
 * `for (const { name, run } of storeConformance({ create, capabilities })) test(name, run)`.
 *
 * A case is left out only by what the store declares: a capability (an unlimited size cannot be exceeded), or a method
 * it does not have. Case by case the outcome of `run` says so; a declared ability that does not hold is a failure.
 * @throws InvalidOptionError
 */
export function storeConformance(options: StoreConformanceOptions): ConformanceCase[] {
  readObject(options, 'storeConformance')
  readFunction(options.create, 'create')
  readObject(options.capabilities, 'capabilities')
  const cases = allCases.filter(
    (each) => options.methods === undefined || (each.needs ?? []).every(isIn(options.methods)),
  )
  return [...cases, ...methodCases(options)].map((each) => ({
    name: each.name,
    run: () => runCase(each, options),
  }))
}

const isIn = (methods: readonly OptionalMethod[]) => (method: OptionalMethod) =>
  methods.includes(method)

async function runCase(each: StoreCase, options: StoreConformanceOptions) {
  const reason = each.unless?.(options.capabilities)
  if (reason !== undefined) return { skipped: reason }
  const created = await options.create()
  const trialled: StoreOnTrial = 'store' in created ? created : { store: created }
  const { store } = trialled
  try {
    const missing = (each.needs ?? []).filter((method) => store[method] === undefined)
    if (missing.length > 0) return { skipped: `the store has no ${missing.join(', ')}` }
    const prefix = freshPrefix()
    let passedMs = 0
    await each.check({
      store,
      capabilities: options.capabilities,
      prefix,
      key: (name) => prefix + name,
      async pass(ms) {
        if (trialled.advance === undefined) return wait(ms)
        passedMs += ms
        await trialled.advance(ms)
      },
      elapsedMs: () => (trialled.advance === undefined ? systemClock.monotonic() : passedMs),
    })
    return {}
  } finally {
    await store.close?.()
    await trialled.release?.()
  }
}

function methodCases({ methods }: StoreConformanceOptions): StoreCase[] {
  if (methods === undefined) return []
  return [
    {
      name: `has exactly these optional methods: ${methods.join(', ') || 'none'}`,
      async check({ store }) {
        const has = optionalMethods.filter((method) => store[method] !== undefined)
        assert.deepEqual(new Set(has), new Set(methods))
      },
    },
  ]
}
