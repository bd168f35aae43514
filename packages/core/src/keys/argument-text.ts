import { types } from 'node:util'
import { builtInClass, describeClass } from '../built-ins.ts'
import { KeyError } from '../errors.ts'

/*
 * Text for arguments, one text for each distinct argument and no other. The type shows in the first character, or in
 * a word that a string is not allowed to be:
 *   42  -0  NaN  42n  true  null  undefined  Date(…)  Map(…)  [1,2]  (name:1)  "quoted"  bare-string
 * A string is bare only if it is made of plain characters and reads as none of the others; brackets, quotes, commas
 * and colons are never bare, so texts cannot run into each other. Braces are never written: a Redis cluster would
 * choose the server by what stands in them, and arguments often come from outside.
 */

/** Why an argument has no text. */
class UnsupportedArgument extends Error {}

const deepest = 100

/** Letters and digits first, as nothing else that is written here but a number or a word begins with them. */
const plainString = /^[\w./][\w./@+~-]*$/
/** A word with a meaning, or a bigint as it is written here. */
const otherMeaning = /^(?:null|undefined|true|false|NaN|Infinity|\d+n)$/
const plainName = /^[A-Za-z_$][\w$]*$/

/**
 * Text of one argument. Properties are written in the order of their names, so their own order does not matter; that of
 * a Map's entries and a Set's members does.
 * @throws KeyError for functions, symbols, class instances, cycles, and what nests deeper than 100: `place`, what it is,
 * and `advice`.
 */
export function argumentText(argument: unknown, place: string, advice: string): string {
  try {
    return text(argument, [])
  } catch (error) {
    const known = error instanceof UnsupportedArgument
    throw new KeyError(
      `${place} ${known ? error.message : 'an object that threw while it was read'}. ${advice}`,
      known ? {} : { cause: error },
    )
  }
}

function text(value: unknown, within: object[]): string {
  switch (typeof value) {
    case 'string':
      return stringText(value)
    case 'bigint':
      return `${value}n`
    case 'number':
    case 'boolean':
    case 'undefined':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'object':
      return value === null ? 'null' : objectText(value, within)
    default:
      throw new UnsupportedArgument(`a ${typeof value}`)
  }
}

export function stringText(value: string): string {
  // Most strings that begin like a number are none: an id such as `550e8400-e29b` stays bare.
  const number = value.charCodeAt(0) <= 57 && !Number.isNaN(Number(value))
  const bare = plainString.test(value) && !number && !otherMeaning.test(value)
  return bare ? value : quoted(value)
}

export function quoted(value: string): string {
  return JSON.stringify(value).replaceAll('{', '\\u007b').replaceAll('}', '\\u007d')
}

function objectText(value: object, within: object[]): string {
  if (within.includes(value)) throw new UnsupportedArgument('an object that holds itself')
  if (within.length === deepest)
    throw new UnsupportedArgument(`an object more than ${deepest} levels deep`)
  within.push(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  const written =
    prototype === Object.prototype || prototype === null
      ? plainText(value as Record<string, unknown>, within)
      : prototype === Array.prototype && Array.isArray(value)
        ? arrayText(value, within)
        : builtInText(value, within)
  within.pop()
  return written
}

function listed(parts: Iterable<unknown>, within: object[]): string {
  return Array.from(parts, (part) => text(part, within)).join(',')
}

function arrayText(array: unknown[], within: object[]): string {
  const names = Object.keys(array)
  // Indexes come first and in order, so if the last of as many names is the last index, all of them are there.
  if (names.length !== array.length || (names.at(-1) ?? '-1') !== `${array.length - 1}`)
    throw new UnsupportedArgument('an array with holes or with properties of its own')
  return `[${listed(array, within)}]`
}

function plainText(value: Record<string, unknown>, within: object[]): string {
  const names = Object.getOwnPropertyNames(value)
  if (names.length !== Object.keys(value).length || Object.getOwnPropertySymbols(value).length > 0)
    throw new UnsupportedArgument('an object with hidden properties or with symbols as names')
  const parts = names.sort().map((name) => {
    const written = plainName.test(name) ? name : quoted(name)
    return `${written}:${text(value[name], within)}`
  })
  // Nothing at all in parentheses stands for no arguments.
  return `(${parts.join(',') || ':'})`
}

function builtInText(value: object, within: object[]): string {
  const name = builtInClass(value)
  if (name === undefined) throw new UnsupportedArgument(describeClass(value))
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)
    return `${Object.getPrototypeOf(value).constructor.name}(${bytes.toString('base64')})`
  }
  if (Reflect.ownKeys(value).some((key) => key !== 'lastIndex'))
    throw new UnsupportedArgument(`a ${name} with properties of its own`)
  return `${name}(${contentText(value, within)})`
}

function contentText(value: object, within: object[]): string {
  if (types.isDate(value)) return value.toJSON() ?? 'NaN'
  if (types.isMap(value))
    return Array.from(value, (pair) => pair.map((part) => text(part, within)).join('=>')).join(',')
  if (types.isSet(value)) return listed(value, within)
  if (types.isRegExp(value)) return `${quoted(value.source)},${value.flags},${value.lastIndex}`
  return Buffer.from(value as ArrayBuffer).toString('base64')
}
