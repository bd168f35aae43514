import { ReplyMismatch } from './redis-errors.ts'
import type { Servers } from './servers.ts'

const perScan = 500
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * All keys with a prefix, by SCAN: it walks the whole database in small steps and blocks nobody, and is for tools all
 * the same. SCAN may name a key twice; this does not, at the price of remembering what it named.
 */
export async function* listKeys(servers: Servers, prefix: string): AsyncIterable<string> {
  const named = new Set<string>()
  const starts = servers.startsOf(prefix)
  for (const way of await servers.everyWay()) {
    for (const start of starts) {
      const pattern = `${start.replace(/[*?[\]\\]/g, '\\$&')}*`
      let cursor = '0'
      do {
        const [next, names] = await way.run('list', async (client) => {
          const args = [cursor, 'MATCH', pattern, 'COUNT', perScan]
          const reply = await client.callBuffer('SCAN', args)
          if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new ReplyMismatch()
          return [String(reply[0]), reply[1] as Buffer[]] as const
        })
        for (const bytes of names) {
          const name = decoded(bytes)
          const key = name === undefined ? undefined : servers.keyOf(name)
          if (key === undefined || !key.startsWith(prefix) || named.has(key)) continue
          named.add(key)
          yield key
        }
        cursor = next
      } while (cursor !== '0')
    }
  }
}

/** Keys that are no text are somebody else's. */
function decoded(bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
