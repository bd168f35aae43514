import type { Clock } from '../clock.ts'
import { expectedText, textFault, unmet } from './expectation.ts'

/** What an option becomes inside. @throws InvalidOptionError that names `option`, what was expected and what came. */
export type Reader<Value> = (value: unknown, option: string) => Value

/** Takes what fits as it is; `expected` completes the sentence "the option must be …". */
export function reader<Value>(expected: string, fits: (value: unknown) => boolean): Reader<Value> {
  return (value, option) => {
    if (fits(value)) return value as Value
    throw unmet(option, expected, value)
  }
}

export const readBoolean = reader<boolean>('true or false', (value) => typeof value === 'boolean')

export const readFunction = reader<unknown>('a function', (value) => typeof value === 'function')

export const readObject = reader<object>(
  'an object of options',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)

export const readOneOf = <Choice extends string>(...choices: readonly Choice[]) =>
  reader<Choice>(`one of '${choices.join("', '")}'`, (value) => choices.includes(value as Choice))

const clockMethods = [
  'now',
  'monotonic',
  'random',
  'setTimeout',
  'clearTimeout',
] as const satisfies readonly (keyof Clock)[]

export const readClock = reader<Clock>(
  `an object with the methods ${clockMethods.join(', ')}`,
  (value) =>
    clockMethods.every((method) => typeof (value as Clock | null)?.[method] === 'function'),
)

/** A whole number, or `Infinity`. */
export const readCount = (least: number) =>
  reader<number>(
    `a whole number from ${least} on, or Infinity`,
    (value) => (Number.isSafeInteger(value) || value === Infinity) && (value as number) >= least,
  )

export const readText =
  (maxBytes: number): Reader<string> =>
  (value, option) => {
    const fault = textFault(value, maxBytes)
    if (fault === undefined) return value as string
    throw unmet(option, expectedText(maxBytes), value, fault)
  }

/** Names of caches, namespaces and definitions. */
export const readName = readText(256)

const maxTagBytes = 4_096
const noTags: readonly string[] = Object.freeze([])

/** Tags as a frozen copy, each once. */
export const readTags: Reader<readonly string[]> = (tags, option) => {
  if (!Array.isArray(tags)) throw unmet(option, 'an array of strings', tags)
  if (tags.length === 0) return noTags
  for (const [index, tag] of tags.entries()) {
    const fault = textFault(tag, maxTagBytes)
    if (fault !== undefined)
      throw unmet(`${option}[${index}]`, expectedText(maxTagBytes), tag, fault)
  }
  return Object.freeze([...new Set<string>(tags)])
}
