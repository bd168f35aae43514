import type { Exchange } from './exchange.ts'
import { ReplyMismatch } from './redis-errors.ts'

const perScan = 500
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * All keys with a prefix, by SCAN: it walks the whole database in small steps and blocks nobody, and is for tools all
 * the same. SCAN may name a key twice; this does not, at the price of remembering what it named.
 */
export async function* listKeys(exchange: Exchange, prefix: string): AsyncIterable<string> {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`
  const named = new Set<string>()
  let cursor = '0'
  do {
    const [next, keys] = await exchange.run('list', async (client) => {
      const reply = await client.callBuffer('SCAN', [cursor, 'MATCH', pattern, 'COUNT', perScan])
      if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new ReplyMismatch()
      return [String(reply[0]), reply[1] as Buffer[]] as const
    })
    for (const bytes of keys) {
      const key = decoded(bytes)
      if (key === undefined || named.has(key)) continue
      named.add(key)
      yield key
    }
    cursor = next
  } while (cursor !== '0')
}

/** Keys that are no text are somebody else's. */
function decoded(bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
