import { types } from 'node:util'

/*
 * Text for arguments, one text for each distinct argument and no other. The type shows in the first character, or in
 * a word that a string is not allowed to be:
 *   42  -0  NaN  42n  true  null  undefined  Date(…)  Map(…)  [1,2]  (name:1)  "quoted"  bare-string
 * A string is bare only if it is made of plain characters and reads as none of the others; brackets, quotes, commas
 * and colons are never bare, so texts cannot run into each other. Braces are never written: a Redis cluster would
 * choose the server by what stands in them, and arguments often come from outside.
 */

/** Why an argument has no text. */
export class UnsupportedArgument extends Error {}

const deepest = 100

/** Letters and digits first, as nothing else that is written here but a number or a word begins with them. */
const plainString = /^[\w./][\w./@+~-]*$/
/** What looks like a number to JavaScript, or a bigint as it is written here, or a word with a meaning. */
const otherMeaning = /^(?:[\d.+-].*|null|undefined|true|false|NaN|Infinity)$/
const plainName = /^[A-Za-z_$][\w$]*$/

/**
 * Text of one argument. Properties are written in the order of their names, so their own order does not matter; that of
 * a Map's entries and a Set's members does.
 * @throws UnsupportedArgument for functions, symbols, class instances, cycles, and what nests deeper than 100.
 */
export function argumentText(argument: unknown): string {
  return text(argument, [])
}

function text(value: unknown, within: object[]): string {
  switch (typeof value) {
    case 'string':
      return stringText(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'object':
      return value === null ? 'null' : objectText(value, within)
    default:
      throw new UnsupportedArgument(`a ${typeof value}`)
  }
}

export function stringText(value: string): string {
  if (plainString.test(value) && !(otherMeaning.test(value) && readsOtherwise(value))) return value
  return quoted(value)
}

export function quoted(value: string): string {
  return JSON.stringify(value).replace(/[{}]/g, (brace) => (brace === '{' ? '\\u007b' : '\\u007d'))
}

/** Most strings that begin like a number are none: an id such as `550e8400-e29b` stays bare. */
function readsOtherwise(value: string): boolean {
  return !/^[\d.+-]/.test(value) || !Number.isNaN(Number(value)) || /^[+-]?\d+n$/.test(value)
}

function objectText(value: object, within: object[]): string {
  if (within.includes(value)) throw new UnsupportedArgument('an object that holds itself')
  if (within.length === deepest)
    throw new UnsupportedArgument(`an object more than ${deepest} levels deep`)
  within.push(value)
  const written = Array.isArray(value) ? arrayText(value, within) : containerText(value, within)
  within.pop()
  return written
}

function arrayText(array: unknown[], within: object[]): string {
  if (Object.getPrototypeOf(array) !== Array.prototype) throw classInstance(array)
  const names = Object.keys(array)
  // Indexes come first and in order, so if the last of as many names is the last index, all of them are there.
  if (
    names.length !== array.length ||
    (array.length > 0 && names.at(-1) !== `${array.length - 1}`)
  ) {
    throw new UnsupportedArgument('an array with holes or with properties of its own')
  }
  return `[${array.map((element) => text(element, within)).join(',')}]`
}

function containerText(value: object, within: object[]): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return plainText(value, within)
  if (ArrayBuffer.isView(value)) return viewText(value)
  const name = builtIn(value, prototype)
  if (name === undefined) throw classInstance(value)
  if (Reflect.ownKeys(value).some((key) => key !== 'lastIndex')) {
    throw new UnsupportedArgument(`a ${name} with properties of its own`)
  }
  if (types.isDate(value)) {
    const at = value.getTime()
    return `Date(${Number.isNaN(at) ? 'NaN' : value.toISOString()})`
  }
  if (types.isMap(value)) {
    const entries = Array.from(
      value,
      ([key, part]) => `${text(key, within)}=>${text(part, within)}`,
    )
    return `Map(${entries.join(',')})`
  }
  if (types.isSet(value)) {
    return `Set(${Array.from(value, (member) => text(member, within)).join(',')})`
  }
  if (types.isRegExp(value)) {
    return `RegExp(${quoted(value.source)},${value.flags},${value.lastIndex})`
  }
  return `ArrayBuffer(${Buffer.from(value as ArrayBuffer).toString('base64')})`
}

function plainText(value: object, within: object[]): string {
  const names = Object.getOwnPropertyNames(value)
  if (
    names.length !== Object.keys(value).length ||
    Object.getOwnPropertySymbols(value).length > 0
  ) {
    throw new UnsupportedArgument('an object with hidden properties or with symbols as names')
  }
  const parts = names.sort().map((name) => {
    const written = plainName.test(name) ? name : quoted(name)
    return `${written}:${text((value as Record<string, unknown>)[name], within)}`
  })
  // Nothing at all in parentheses stands for no arguments.
  return parts.length === 0 ? '(:)' : `(${parts.join(',')})`
}

function viewText(view: ArrayBufferView): string {
  const prototype = Object.getPrototypeOf(view)
  // Only the built-in typed arrays have the property on their own prototype.
  const known =
    prototype === Buffer.prototype ||
    prototype === DataView.prototype ||
    (prototype !== null && Object.hasOwn(prototype, 'BYTES_PER_ELEMENT'))
  if (!known) throw classInstance(view)
  const bytes = Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength)
  return `${prototype.constructor.name}(${bytes.toString('base64')})`
}

function builtIn(value: object, prototype: unknown): string | undefined {
  if (prototype === Date.prototype && types.isDate(value)) return 'Date'
  if (prototype === Map.prototype && types.isMap(value)) return 'Map'
  if (prototype === Set.prototype && types.isSet(value)) return 'Set'
  if (prototype === RegExp.prototype && types.isRegExp(value)) return 'RegExp'
  if (prototype === ArrayBuffer.prototype && types.isArrayBuffer(value)) return 'ArrayBuffer'
  return undefined
}

function classInstance(value: object): UnsupportedArgument {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return new UnsupportedArgument(
    typeof name === 'string' && name !== ''
      ? `an object of class ${name.slice(0, 40)}`
      : 'an object of a class',
  )
}
