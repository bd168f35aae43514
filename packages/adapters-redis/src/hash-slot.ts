/** How many slots a cluster has. */
export const slotCount = 16_384

/** CRC16 of XMODEM, polynomial 0x1021, by byte. */
const table = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  table[byte] = crc
}

/**
 * The slot of a key (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/, "Key distribution
 * model"). A hash tag counts, so keys go through `withoutHashTag` first.
 */
export function slotOf(key: string): number {
  const tag = hashTagOf(key)
  const hashed = tag ?? key
  let crc = 0
  for (let index = 0; index < hashed.length; index++) {
    const code = hashed.charCodeAt(index)
    if (code > 0x7f) return slotOfBytes(Buffer.from(hashed))
    crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ code]!
  }
  return crc % slotCount
}

function slotOfBytes(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte]!
  return crc % slotCount
}

/** What stands between the first `{` and the first `}` behind it, unless nothing does. */
function hashTagOf(key: string): string | undefined {
  const open = key.indexOf('{')
  if (open < 0) return undefined
  const close = key.indexOf('}', open + 1)
  return close > open + 1 ? key.slice(open + 1, close) : undefined
}

/** An empty tag in front makes a cluster hash the whole key. */
const wholeKey = '{}'

/**
 * The name under which a cluster keeps a key. Keys hold what users typed, and with a hash tag they could choose its
 * slot, and put all their load on one node. Nothing here needs keys to live together, so every tag is taken its effect.
 */
export function withoutHashTag(key: string): string {
  if (hashTagOf(key) === undefined && !key.startsWith(wholeKey)) return key
  return wholeKey + key
}

/** The key of a name that `withoutHashTag` made. */
export function withHashTag(name: string): string {
  return name.startsWith(wholeKey) ? name.slice(wholeKey.length) : name
}
