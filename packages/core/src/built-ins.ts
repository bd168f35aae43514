import { types } from 'node:util'

const containers = new Map<unknown, 'Date' | 'Map' | 'Set' | 'RegExp' | 'ArrayBuffer'>([
  [Date.prototype, 'Date'],
  [Map.prototype, 'Map'],
  [Set.prototype, 'Set'],
  [RegExp.prototype, 'RegExp'],
  [ArrayBuffer.prototype, 'ArrayBuffer'],
])

/**
 * The built-in class that an object is a direct instance of, for the classes whose instances can be told completely:
 * a subclass has more to it, and what only looks like an instance has less. A view is a Buffer, DataView or typed array.
 */
export function builtInClass(
  object: object,
): 'Date' | 'Map' | 'Set' | 'RegExp' | 'ArrayBuffer' | 'view' | undefined {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (ArrayBuffer.isView(object)) {
    // Only the typed arrays have the property on their own prototype: no list to keep, no subclass let in.
    return prototype === Buffer.prototype ||
      prototype === DataView.prototype ||
      Object.hasOwn(prototype as object, 'BYTES_PER_ELEMENT')
      ? 'view'
      : undefined
  }
  const name = containers.get(prototype)
  return name !== undefined && types[`is${name}`](object) ? name : undefined
}

/** What an object is, for a message: its class, and nothing of its content. */
export function describeClass(object: object): string {
  try {
    const name: unknown = Object.getPrototypeOf(object)?.constructor?.name
    if (typeof name === 'string' && name !== '' && name !== 'Object')
      return `an object of class ${name.slice(0, 40)}`
  } catch {
    // A constructor or name that throws when read tells nothing either.
  }
  return 'an object whose prototype is not Object.prototype'
}
