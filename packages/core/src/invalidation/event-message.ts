import { textFault } from '../options/expectation.ts'

/**
 * What any program may publish to have keys and tags invalidated: JSON in UTF-8,
 * `{ "v": 1, "keys": ["product:7"], "tags": ["category:3"] }`. Either list may be left out; other members are left to
 * the publisher. docs/guides/event-invalidation.md is its documentation.
 */
export interface InvalidationEvent {
  readonly keys?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
}

/** An event as it is understood. */
export interface HeardEvent {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
}

const maxEventBytes = 1024 * 1024
/** The longest key or tag, in bytes of UTF-8. */
const maxEventTextBytes = 4_096

const noTexts: readonly string[] = []

export function encodeEvent({ keys = noTexts, tags = noTexts }: InvalidationEvent): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 1, keys, tags }))
}

/** `undefined` for anything that is no such event: nobody knows who publishes. Never throws. */
export function decodeEvent(bytes: Uint8Array): HeardEvent | undefined {
  if (bytes.byteLength > maxEventBytes) return undefined
  let event: unknown
  try {
    event = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch {
    return undefined
  }
  if (typeof event !== 'object' || event === null) return undefined
  const { v, keys = noTexts, tags = noTexts } = event as Record<string, unknown>
  return v === 1 && areTexts(keys) && areTexts(tags) ? { keys, tags } : undefined
}

function areTexts(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.every((text) => textFault(text, maxEventTextBytes) === undefined)
  )
}
