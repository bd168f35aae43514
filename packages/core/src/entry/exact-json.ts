import { maxDepth, maxNodes, maxPayloadBytes } from './limits.ts'

/**
 * Whether JSON keeps a value exactly: plain objects and arrays of strings, booleans, nulls and finite numbers other
 * than -0, with nothing on them that JSON would drop. Every write pays for this walk, so it keeps no path and makes
 * no set of what it has seen; a circle runs into the depth limit, and `tagged-json.ts` finds out what was wrong where.
 * May throw what a getter throws.
 */
export function isExactJson(value: unknown): boolean {
  if (hasForeignToJson()) return false
  nodes = 1
  characters = 0
  return isExact(value, 1)
}

/** A toJSON on Object.prototype, which arrays inherit, or on Array.prototype changes what JSON.stringify makes of every object. */
export function hasForeignToJson(): boolean {
  return 'toJSON' in Array.prototype
}

let nodes = 0
let characters = 0

function isExact(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      // Text takes at least a byte a character: what cannot fit is not even written.
      characters += value.length
      return characters <= maxPayloadBytes
    case 'boolean':
      return true
    case 'number':
      // Infinity and NaN fail the first half, -0 the second.
      return value - value === 0 && (value !== 0 || 1 / value > 0)
    case 'object':
      if (value === null) return true
      if (depth > maxDepth) return false
      return Array.isArray(value) ? isExactArray(value, depth) : isExactObject(value, depth)
    default:
      return false
  }
}

function isExactArray(array: readonly unknown[], depth: number): boolean {
  nodes += array.length
  if (nodes > maxNodes || Object.getPrototypeOf(array) !== Array.prototype) return false
  for (let i = 0; i < array.length; i++) {
    // A hole reads as undefined and fails here.
    if (!isExact(array[i], depth + 1)) return false
  }
  return Object.keys(array).length === array.length && !hasSymbols(array)
}

function isExactObject(object: object, depth: number): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype) return false
  let names = 0
  // An enumerable property on Object.prototype would be counted here and not below, and so fails.
  for (const name in object) {
    names++
    if (!isExact((object as Record<string, unknown>)[name], depth + 1)) return false
  }
  nodes += names
  if (nodes > maxNodes) return false
  return Object.getOwnPropertyNames(object).length === names && !hasSymbols(object)
}

function hasSymbols(object: object): boolean {
  return Object.getOwnPropertySymbols(object).length > 0
}
