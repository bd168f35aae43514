import { isUtf8 } from 'node:buffer'
import { randomFillSync } from 'node:crypto'
import { asBuffer } from '../entry/head.ts'
import { parseExactJson } from '../entry/parse-exact-json.ts'

/**
 * A session as it lies in the store: one JSON object whose first member is its version, a random word that every
 * write renews. `{"version":"<16 hex>"` is the head that a compare-and-set compares, so that comparing needs no
 * parsing. What somebody else wrote without such a head is compared as a whole.
 */
export interface StoredRecord {
  /** What the stored bytes begin with, and no other write of this record does. */
  readonly head: Uint8Array
  /** Every other member, in its order. */
  readonly members: Readonly<Record<string, unknown>>
}

/** Members by name, each as its JSON: what is compared, merged and written. */
export type Members = ReadonlyMap<string, string>

const opening = '{"version":"'
const versionPattern = /^[0-9a-f]{16}$/
const headLength = opening.length + 16 + 1
const encoder = new TextEncoder()

export interface WrittenRecord {
  readonly head: Uint8Array
  readonly bytes: Uint8Array
}

const versionBytes = 8
/** Drawn many at once: a version has to be new, not secret. */
const drawn = Buffer.alloc(versionBytes * 128)
let used = drawn.length

function newVersion(): string {
  if (used === drawn.length) {
    randomFillSync(drawn)
    used = 0
  }
  used += versionBytes
  return drawn.toString('hex', used - versionBytes, used)
}

/** The bytes of a record, under a new version. */
export function writeRecord(members: Members): WrittenRecord {
  let text = `${opening}${newVersion()}"`
  for (const [name, json] of members) text += `,${JSON.stringify(name)}:${json}`
  const bytes = encoder.encode(`${text}}`)
  return { head: bytes.subarray(0, headLength), bytes }
}

/** What stored bytes say, or `undefined` where they are no JSON object. */
export function readRecord(bytes: Uint8Array): StoredRecord | undefined {
  // Replacement characters would be a change that nobody made.
  if (!isUtf8(bytes)) return undefined
  let members: unknown
  try {
    const text = asBuffer(bytes).toString('utf8')
    if (headLengthIn(text) > 0) {
      const hasMore = text[headLength] === ','
      const rest = text.slice(headLength + (hasMore ? 1 : 0))
      // Behind the comma there has to be a member, which without the head JSON would not miss.
      if (hasMore && rest.trimStart().startsWith('}')) return undefined
      members = parseExactJson(`{${rest}`)
      return isObject(members) ? { head: bytes.slice(0, headLength), members } : undefined
    }
    members = parseExactJson(text)
  } catch {
    return undefined
  }
  if (!isObject(members)) return undefined
  // Written by hand, or with spaces: it stays a version, and is no member of the session.
  if (typeof members.version === 'string' && versionPattern.test(members.version)) {
    delete members.version
  }
  return { head: new Uint8Array(bytes), members }
}

/** How long the head is; 0 where the text does not begin with one. */
export function headLengthIn(text: string): number {
  const hasHead =
    text.startsWith(opening) &&
    versionPattern.test(text.slice(opening.length, headLength - 1)) &&
    text[headLength - 1] === '"' &&
    (text[headLength] === ',' || text[headLength] === '}')
  return hasHead ? headLength : 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  return bytes.length >= head.length && head.every((byte, index) => bytes[index] === byte)
}

/** The members of an object, each as its JSON; what JSON leaves out is left out. */
export function membersOf(object: Readonly<Record<string, unknown>>): Map<string, string> {
  const members = new Map<string, string>()
  for (const name of Object.keys(object)) {
    const json = JSON.stringify(object[name]) as string | undefined
    if (json !== undefined) members.set(name, json)
  }
  return members
}

/** What has to be done to `before` to get `after`: a member's new JSON, or `undefined` for one that is gone. */
export function changesBetween(before: Members, after: Members): Map<string, string | undefined> {
  const changes = new Map<string, string | undefined>()
  for (const [name, json] of after) if (before.get(name) !== json) changes.set(name, json)
  for (const name of before.keys()) if (!after.has(name)) changes.set(name, undefined)
  return changes
}

/** `members` with changes made to another state of them: two requests that change different members lose neither. */
export function withChanges(
  members: Members,
  changes: ReadonlyMap<string, string | undefined>,
): Map<string, string> {
  const merged = new Map(members)
  for (const [name, json] of changes) {
    if (json === undefined) merged.delete(name)
    else merged.set(name, json)
  }
  return merged
}
