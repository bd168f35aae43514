/**
 * What caches tell each other over a bus: keys and tags, never values. JSON, so that a person can read along and
 * other languages can listen; docs/concepts/bus.md describes each field.
 */
export interface BusMessage {
  /** Version of this format. */
  readonly v: 1
  /** The cache that sends, at random; a cache does not listen to itself. */
  readonly origin: string
  /** The origin's session: a new one means that messages of the one before may have been lost. */
  readonly epoch: string
  /** Counts the messages of an origin from 1; a gap means that some were lost. */
  readonly seq: number
  /** The namespace of the outermost cache: caches of other namespaces are not concerned. */
  readonly root: string
  readonly what: BusContent
}

export type BusContent =
  /** A sign of life. */
  | { readonly type: 'beat' }
  /** Deleted, expired or set: entries of these keys are old. `path` leads from the outermost cache to the namespace. */
  | {
      readonly type: 'keys'
      readonly path: readonly string[]
      readonly keys: readonly string[]
      readonly expire: boolean
    }
  /** Invalidated. `expire`: they are only stale, which a cache that does not know the field takes for invalidated. */
  | {
      readonly type: 'tags'
      readonly path: readonly string[]
      readonly tags: readonly string[]
      readonly expire?: boolean
    }
  | { readonly type: 'clear'; readonly path: readonly string[] }
  /** A claimed key has been stored, or its load has failed: who waits for it should look. */
  | { readonly type: 'done'; readonly path: readonly string[]; readonly key: string }

const maxMessageBytes = 1024 * 1024
/** Namespaces inside one another. */
const maxDepth = 1_000

export function encodeMessage(message: BusMessage): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

/** `undefined` for anything that is no such message: others may publish on the channel too. */
export function decodeMessage(bytes: Uint8Array): BusMessage | undefined {
  if (bytes.byteLength > maxMessageBytes) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch {
    return undefined
  }
  return isMessage(parsed) ? parsed : undefined
}

function isMessage(value: unknown): value is BusMessage {
  if (!isRecord(value)) return false
  const { v, origin, epoch, seq, root, what } = value
  return (
    v === 1 &&
    typeof origin === 'string' &&
    typeof epoch === 'string' &&
    Number.isSafeInteger(seq) &&
    typeof root === 'string' &&
    isRecord(what) &&
    isContent(what)
  )
}

function isContent(what: Record<string, unknown>): boolean {
  switch (what.type) {
    case 'beat':
      return true
    case 'keys':
      return isPath(what.path) && areTexts(what.keys) && typeof what.expire === 'boolean'
    case 'tags':
      return (
        isPath(what.path) &&
        areTexts(what.tags) &&
        (what.expire === undefined || typeof what.expire === 'boolean')
      )
    case 'clear':
      return isPath(what.path)
    case 'done':
      return isPath(what.path) && typeof what.key === 'string'
    default:
      return false
  }
}

function isPath(value: unknown): value is string[] {
  return areTexts(value) && value.length <= maxDepth
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
