import { arrayHeapBytes, builtInHeapBytes, objectHeapBytes, scalarHeapBytes } from './heap-bytes.ts'
import type { Isolated, ValueMode } from './isolate.ts'
import { sharedHeapBytes } from './shared-heap-bytes.ts'

/**
 * A value that was just read from bytes, as the near tier keeps it. Nobody else holds it, and it is a tree of plain
 * data and built-in types, because the serializer writes nothing else. So where `isolate` copies and checks, this
 * freezes what there is: a third of the time, and no garbage.
 */
export function adopt(value: unknown, mode: ValueMode): Isolated {
  if (mode === 'shared') return { value, copyPerHit: false, bytes: sharedHeapBytes(value) }
  return walked(value, mode, new Adoption(mode === 'isolated'))
}

/** The same for a value that is kept nowhere, so that nobody wants to know its size. */
export function adoptUncounted(value: unknown, mode: ValueMode): Isolated {
  const isOne = typeof value !== 'object' || value === null
  if (isOne || mode === 'shared') return { value, copyPerHit: false, bytes: 0 }
  if (mode === 'isolated' && freezeFlat(value)) return { value, copyPerHit: false, bytes: 0 }
  return walked(value, mode, new Adoption(mode === 'isolated'))
}

/** A plain object that holds no other, as most do, needs no walk. */
function freezeFlat(value: object): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  for (const name in value) {
    const part = (value as Record<string, unknown>)[name]
    if (typeof part === 'object' && part !== null) return false
  }
  Object.freeze(value)
  return true
}

function walked(value: unknown, mode: ValueMode, walk: Adoption): Isolated {
  walk.part(value)
  const isObject = typeof value === 'object' && value !== null
  return { value, copyPerHit: isObject && (mode === 'copied' || walk.isMutable), bytes: walk.bytes }
}

class Adoption {
  bytes = 0
  /** It holds something that stays mutable even when frozen. */
  isMutable = false
  readonly #freeze: boolean

  constructor(freeze: boolean) {
    this.#freeze = freeze
  }

  part(value: unknown): void {
    if (typeof value !== 'object' || value === null) {
      this.bytes += scalarHeapBytes(value)
      return
    }
    if (Array.isArray(value)) {
      this.bytes += arrayHeapBytes(value.length)
      for (let index = 0; index < value.length; index++) this.part(value[index])
    } else {
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype !== Object.prototype && prototype !== null) {
        this.#builtIn(value)
        return
      }
      const names = Object.keys(value)
      this.bytes += objectHeapBytes(names)
      for (const name of names) this.part((value as Record<string, unknown>)[name])
    }
    if (this.#freeze) Object.freeze(value)
  }

  #builtIn(value: object): void {
    this.isMutable = true
    this.bytes += builtInHeapBytes(value)
    if (value instanceof Map) {
      for (const [key, member] of value) {
        this.part(key)
        this.part(member)
      }
    } else if (value instanceof Set) {
      for (const member of value) this.part(member)
    }
  }
}
