/**
 * Header fields as every rule here reads them: by lower-case name, the lines of one name joined with `, `.
 * `Headers` and `Map<string, string>` both are one.
 */
export interface Fields {
  get(name: string): string | null | undefined
}

/** Names and values in order; the only form that is stored, since a field may be called `__proto__`. */
export type FieldList = readonly (readonly [name: string, value: string])[]

/** Reads a list of fields by name. Lines of one name are joined, as RFC 9110, 5.3 allows. */
export function fieldsOf(list: Iterable<readonly [string, string]>): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of list) {
    const key = name.toLowerCase()
    const earlier = fields.get(key)
    fields.set(key, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return fields
}

/** The members of a comma-separated list (RFC 9110, 5.6.1), trimmed, without the empty ones; quoted commas part nothing. */
export function listMembers(value: string): string[] {
  const members: string[] = []
  let quoted = false
  let start = 0
  for (let at = 0; at <= value.length; at++) {
    const character = value[at]
    if (quoted && character === '\\') at++
    else if (character === '"') quoted = !quoted
    if (at >= value.length || (character === ',' && !quoted)) {
      const member = value.slice(start, at).trim()
      if (member !== '') members.push(member)
      start = at + 1
    }
  }
  return members
}

/** The field names of a list such as `Vary` or `Connection`, in lower case, each once. */
export function fieldNames(value: string | null | undefined): string[] {
  if (value === null || value === undefined) return []
  return [...new Set(listMembers(value).map((name) => name.toLowerCase()))]
}
