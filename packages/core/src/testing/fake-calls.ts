import { InvalidOptionError } from '../errors.ts'
import { nearestName } from '../options/known-names.ts'

const fakeOperations = [
  'wrap',
  'wrapMany',
  'get',
  'getMany',
  'peek',
  'set',
  'setMany',
  'delete',
  'expire',
  'invalidateTags',
  'expireTags',
  'clear',
] as const

/** What a fake cache records and can be told to fail. A defined function counts as the verb it stands for. */
export type FakeOperation = (typeof fakeOperations)[number]

/** One recorded call. */
export interface FakeCall {
  readonly operation: FakeOperation
  /** The keys asked for, inside their namespace; of a defined function its own. Empty for tags and `clear`. */
  readonly keys: readonly string[]
  /** What was passed: to the cache, or to the defined function. */
  readonly args: readonly unknown[]
  /** The namespaces from the outermost in; empty for the cache itself. */
  readonly namespace: readonly string[]
}

/** What a fake cache and its namespaces were asked, and what they were told to fail. */
export class FakeCalls {
  readonly all: FakeCall[] = []
  readonly #failures = new Map<FakeOperation, { readonly error: unknown }>()

  /** Writes a call down, and throws where it was told to fail. */
  record(call: FakeCall): void {
    this.all.push(call)
    const failure = this.#failures.get(call.operation)
    if (failure !== undefined) throw failure.error
  }

  /** @throws InvalidOptionError for an unknown operation. */
  fail(operation: FakeOperation, error: unknown): void {
    if (!fakeOperations.includes(operation)) {
      const nearest = nearestName(String(operation), fakeOperations)
      throw new InvalidOptionError(
        `fail(operation, error) knows ${fakeOperations.join(', ')}${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`,
      )
    }
    this.#failures.set(operation, { error })
  }

  reset(): void {
    this.all.length = 0
    this.#failures.clear()
  }
}

/** The arguments without those that were left out at the end. */
export function passed(...args: unknown[]): readonly unknown[] {
  return args.at(-1) === undefined ? args.slice(0, -1) : args
}

/** Bad keys are recorded as they came: it is the cache that refuses them. */
export function list(keys: string | readonly string[]): readonly string[] {
  return Array.isArray(keys) ? [...keys] : [keys as string]
}
