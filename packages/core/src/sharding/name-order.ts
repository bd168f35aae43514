const encoder = new TextEncoder()

/**
 * Orders names as twemproxy does: the shorter first, by bytes, then bytewise. It decides modula's slots and who wins
 * a shared ring point, so that the order of the list a ring is given changes nothing.
 */
export function inNameOrder<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, bytes: encoder.encode(nameOf(item)) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ item }) => item)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return 0
}
