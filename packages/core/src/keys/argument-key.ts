import { hash } from 'node:crypto'
import { argumentText, quoted, stringText } from './argument-text.ts'

/** Arguments that take more characters are written as a digest. */
const longestReadable = 120

/** Characters that no text of an argument begins with, save the colon, which never stands at the top of one. */
const plainName = /^[\w./:-]+$/
const plainVersion = /^[\w.-]+$/

/**
 * The default key of a defined function: its name and its arguments, such as `user:42`, `user:ada,true`,
 * `user:"42"` or `search:(page:2,q:tea)`; with a version `user:@2:42`; without arguments `user:()`. Past 120 characters
 * the arguments are 192 bits of their SHA-256, `search:#…`, which no readable text looks like.
 *
 * Different names, versions or arguments never share a key; the order of properties does not matter.
 * @throws KeyError for an argument that has no text of its own (functions, symbols, class instances, cycles).
 */
export function argumentsKey(name: string, args: readonly unknown[], version?: string): string {
  let key = `${plainName.test(name) ? name : quoted(name)}:`
  if (version !== undefined) key += `@${plainVersion.test(version) ? version : quoted(version)}:`
  const only = args.length === 1 ? args[0] : undefined
  // Nearly all keys end here: one id.
  if (typeof only === 'number' && only > 0 && only < Number.MAX_SAFE_INTEGER) return key + only
  const written = typeof only === 'string' ? stringText(only) : argumentsText(name, args)
  if (written.length <= longestReadable) return key + written
  return `${key}#${hash('sha256', written, 'base64url').slice(0, 32)}`
}

function argumentsText(name: string, args: readonly unknown[]): string {
  if (args.length === 0) return '()'
  const place = `The default key of '${name.slice(0, 40)}' is built from plain data; argument`
  const advice = 'Give define the option key, a function from the arguments to a string'
  return args
    .map((argument, at) => argumentText(argument, `${place} ${at + 1} is or holds`, advice))
    .join(',')
}
