import { parseDuration } from '../options/duration.ts'
import { unmet } from '../options/expectation.ts'
import { type Reader, readBoolean, readCount, reader, readOneOf } from '../options/readers.ts'

/** A part of a JSON Schema. */
export type JsonSchema = { readonly [name: string]: unknown }

/** What may stand at one place of a configuration. From these the check, the JSON schema and the reference are made. */
export type Node =
  | LeafNode
  | SecretNode
  | ReferenceNode
  | ListNode
  | MapNode
  | ObjectNode
  | EitherNode

export interface LeafNode {
  readonly kind: 'leaf'
  readonly json: JsonSchema
  readonly read: Reader<unknown>
}

export interface SecretNode {
  readonly kind: 'secret'
  /** Whether a function is taken in its place, so that it can be rotated. */
  readonly live: boolean
}

/** The name of something else in the configuration. */
export interface ReferenceNode {
  readonly kind: 'reference'
  readonly to: 'stores' | 'buses' | 'caches' | 'rings'
}

export interface ListNode {
  readonly kind: 'list'
  readonly of: Node
}

/** Whatever names there are. */
export interface MapNode {
  readonly kind: 'map'
  readonly of: Node
  /** Names are what environment variables and arguments address; patterns are any text. */
  readonly keys: 'name' | 'pattern'
}

export interface ObjectNode {
  readonly kind: 'object'
  /** The TypeScript type whose docstrings describe the members. */
  readonly type: string
  readonly shape: Readonly<Record<string, Node>>
  readonly required: readonly string[]
  /** Exactly one of these must be there. */
  readonly oneOf: readonly string[]
}

/** The first of the nodes that takes what is there, by its JSON type. */
export interface EitherNode {
  readonly kind: 'either'
  readonly of: readonly Node[]
  readonly expected: string
}

/** Every member of `Options` but those left out: one that is new or renamed there is an error of types here. */
export type Shape<Options, LeftOut extends keyof Options = never> = {
  readonly [Name in Exclude<keyof Options, LeftOut>]-?: Node
}

const leaf = (json: JsonSchema, read: Reader<unknown>): LeafNode => ({ kind: 'leaf', json, read })

/** What was written, checked; JSON has no word for `Infinity`. */
const unbounded =
  (read: Reader<unknown>): Reader<unknown> =>
  (value, option) => {
    const written = value === 'Infinity' ? Infinity : value
    read(written, option)
    return written
  }

/** As core reads it, which shows a text that is no duration: here it may have been meant for a secret. */
const discreetDuration: Reader<unknown> = (value, option) => {
  const expected = "milliseconds as a number from 0 on, or a string such as '250ms', '30s' or '5m'"
  if (typeof value === 'string' && !/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(value))
    throw unmet(option, expected, value)
  return parseDuration(value, option)
}

export const text = leaf(
  { type: 'string' },
  reader('a non-empty string', (value) => typeof value === 'string' && value !== ''),
)
export const anyText = leaf(
  { type: 'string' },
  reader('a string', (value) => typeof value === 'string'),
)
export const flag = leaf({ type: 'boolean' }, readBoolean)
export const only = (value: boolean): LeafNode =>
  leaf(
    { type: 'boolean', const: value },
    reader(String(value), (given) => given === value),
  )
export const port = leaf(
  { type: 'integer', minimum: 1, maximum: 65_535 },
  reader(
    'a port from 1 to 65535',
    (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535,
  ),
)
export const number = (least: number, most = Infinity): LeafNode =>
  leaf(
    { type: 'number', minimum: least, ...(most === Infinity ? {} : { maximum: most }) },
    reader(
      most === Infinity ? `a number from ${least} on` : `a number from ${least} to ${most}`,
      (value) => typeof value === 'number' && value >= least && value <= most,
    ),
  )
export const count = (least: number): LeafNode =>
  leaf(
    { anyOf: [{ type: 'integer', minimum: least }, { const: 'Infinity' }] },
    unbounded(readCount(least)),
  )
export const duration = leaf(
  {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: '^(\\d+(\\.\\d+)?(ms|s|m|h|d)|Infinity)$' },
    ],
  },
  unbounded(discreetDuration),
)
export const bytes = leaf(
  {
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^\\d+(\\.\\d+)?(b|kb|mb|kib|mib)$' },
    ],
  },
  reader(
    "a number of bytes, or a string such as '10mb'",
    (value) =>
      (Number.isSafeInteger(value) && (value as number) > 0) ||
      (typeof value === 'string' && /^\d+(\.\d+)?(b|kb|mb|kib|mib)$/.test(value)),
  ),
)
export const choice = (...choices: readonly string[]): LeafNode =>
  leaf({ enum: choices }, readOneOf(...choices))

export const secret: SecretNode = { kind: 'secret', live: false }
export const liveSecret: SecretNode = { kind: 'secret', live: true }
export const reference = (to: ReferenceNode['to']): ReferenceNode => ({ kind: 'reference', to })
export const list = (of: Node): ListNode => ({ kind: 'list', of })
export const map = (of: Node, keys: MapNode['keys'] = 'name'): MapNode => ({
  kind: 'map',
  of,
  keys,
})
export const either = (expected: string, ...of: readonly Node[]): EitherNode => ({
  kind: 'either',
  of,
  expected,
})
export const object = (
  type: string,
  shape: Readonly<Record<string, Node>>,
  { required = [], oneOf = [] }: Partial<Pick<ObjectNode, 'required' | 'oneOf'>> = {},
): ObjectNode => ({ kind: 'object', type, shape, required, oneOf })
