import { argumentsOf, type Call, type Defined } from '../define.ts'
import type { EntryOptions } from '../options/options.ts'
import type { FakeOperation } from './fake-calls.ts'

/** A defined function that writes each call down before it makes it. */
export function recordedDefinition<A extends readonly unknown[], V>(
  defined: Defined<A, V>,
  write: (operation: FakeOperation, keys: readonly string[], args: readonly unknown[]) => void,
): Defined<A, V> {
  const record = (operation: FakeOperation, call: A, args: readonly unknown[] = call) =>
    write(operation, [defined.key(...call)], args)
  const call = async (...args: A): Promise<V> => {
    record('wrap', args)
    return defined(...args)
  }
  Object.defineProperty(call, 'name', { value: defined.name, configurable: true })
  return Object.assign(call, {
    many: async (calls: readonly Call<A>[]) => {
      write(
        'wrapMany',
        calls.map((each) => defined.key(...argumentsOf(each))),
        [calls],
      )
      return defined.many(calls)
    },
    peek: (...args: A) => {
      record('peek', args)
      return defined.peek(...args)
    },
    set: async (args: A, value: V) => {
      record('set', args, [args, value])
      return defined.set(args, value)
    },
    delete: async (...args: A) => {
      record('delete', args)
      return defined.delete(...args)
    },
    expire: async (...args: A) => {
      record('expire', args)
      return defined.expire(...args)
    },
    key: (...args: A) => defined.key(...args),
    with: (options: EntryOptions) => recordedDefinition(defined.with(options), write),
  })
}
