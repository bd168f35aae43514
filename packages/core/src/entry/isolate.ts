import { CodecError } from '../errors.ts'
import { isolateFlat } from './flat-object.ts'
import { scalarHeapBytes } from './heap-bytes.ts'
import { PrivateCopy } from './private-copy.ts'
import { sharedHeapBytes } from './shared-heap-bytes.ts'

/** How a kept value is kept apart from its callers: `memory.values` of a cache. */
export type ValueMode = 'isolated' | 'copied' | 'shared'

/** A value as the near tier keeps it. */
export interface Isolated {
  /** What is kept. Nobody else holds a reference into it, except in mode `'shared'`. */
  readonly value: unknown
  /** True: it is mutable, and every reader gets a `copyValue` of its own, the first one included. */
  readonly copyPerHit: boolean
  /** Estimated heap of the value, in bytes: never below the real figure by intent, up to about twice it. */
  readonly bytes: number
}

/**
 * Keeps a value apart from whoever made it. `'isolated'`: a deep-frozen copy, or a mutable private one where it holds
 * something that cannot be frozen (Date, RegExp, Map, Set, Buffer, typed array, ArrayBuffer, DataView). `'copied'`:
 * a mutable private copy. `'shared'`: the reference itself.
 *
 * Cycles, shared references, holes, own `__proto__` keys and null prototypes stay as they are; a getter becomes the
 * value it gave; views of one ArrayBuffer each get memory of their own.
 * @throws CodecError for what a copy would change or lose (class instances, functions, symbols, proxies, hidden
 * properties, shared memory, nesting past 1,000); its message names the path to it.
 */
export function isolate(value: unknown, mode: ValueMode): Isolated {
  if (typeof value !== 'object' && typeof value !== 'function') {
    if (typeof value !== 'symbol' || mode === 'shared') {
      return { value, copyPerHit: false, bytes: scalarHeapBytes(value) }
    }
  } else if (value === null) {
    return { value, copyPerHit: false, bytes: 0 }
  }
  if (mode === 'shared') return { value, copyPerHit: false, bytes: sharedHeapBytes(value) }
  const freeze = mode === 'isolated'
  let walk: PrivateCopy | undefined
  try {
    const flat = isolateFlat(value, freeze)
    if (flat !== undefined) return flat
    walk = new PrivateCopy(true, freeze)
    const copy = walk.value(value)
    return { value: copy, copyPerHit: !freeze || walk.unfreezable, bytes: walk.bytes }
  } catch (error) {
    if (error instanceof CodecError) throw error
    walk ??= new PrivateCopy(true, freeze)
    throw walk.failed('something that threw while it was read', error)
  }
}

/**
 * A mutable copy of a value that `isolate` made private. It checks nothing again: of other objects it may lose
 * what a copy cannot hold.
 */
export function copyValue<V>(value: V): V {
  if (typeof value !== 'object' || value === null) return value
  return new PrivateCopy(false, false).value(value) as V
}
