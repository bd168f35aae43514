import { type FieldList, fieldNames, fieldsOf } from './fields.ts'
import { isSameTag } from './validators.ts'

/** What tells how the kept bytes are to be read; a 304 brings no bytes, so it cannot change it (RFC 9111, 3.2). */
const ofTheBody = new Set(['content-encoding', 'content-length', 'content-range', 'content-type'])

/**
 * The fields of a kept response after a 304: its own, and those of the 304 over them (RFC 9111, 3.2 and 4.3.4).
 * `undefined` where the 304 is about something else than what is kept, as another entity tag or another `Vary`
 * shows: then it must be fetched anew.
 * Both lists hold only fields that may be kept.
 */
export function mergeNotModified(
  kept: FieldList,
  answer: FieldList,
): [string, string][] | undefined {
  const before = fieldsOf(kept)
  const after = fieldsOf(answer)
  const etag = after.get('etag')
  const keptTag = before.get('etag')
  if (etag !== undefined && keptTag !== undefined && !isSameTag(etag, keptTag)) return undefined
  const vary = after.get('vary')
  if (vary !== undefined && !isSameNames(vary, before.get('vary'))) return undefined
  return updateFields(kept, answer)
}

/** `kept` with the fields of `answer` over it, but for those that say how the kept bytes are to be read. */
export function updateFields(kept: FieldList, answer: FieldList): [string, string][] {
  const fresh = answer.filter(([name]) => !ofTheBody.has(name))
  const replaced = new Set(fresh.map(([name]) => name))
  const own = kept.filter(([name]) => !replaced.has(name))
  return [...own, ...fresh].map(([name, value]) => [name, value])
}

function isSameNames(left: string, right: string | undefined): boolean {
  return fieldNames(left).sort().join() === fieldNames(right).sort().join()
}
