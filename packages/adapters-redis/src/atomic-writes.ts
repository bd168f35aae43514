import { randomBytes } from 'node:crypto'
import type { RedisClient } from './redis-client.ts'
import { ReplyMismatch, refusalCode } from './redis-errors.ts'
import type { Refusals } from './refusals.ts'
import { addScript, replaceScript, runScript } from './scripts.ts'
import type { Servers, Way } from './servers.ts'

export interface AtomicWrites {
  add(key: string, bytes: Buffer, ttl: string): Promise<Uint8Array | undefined>
  replace(key: string, head: Buffer, bytes: Buffer, ttl: string): Promise<boolean>
}

/**
 * The two writes that depend on what is stored. `ttl` as of `px`, for `add` never `'0'`.
 *
 * What `add` finds are bytes without a name. While nothing else is in flight they can be no other key's; else the
 * script answers, whose reply carries a random word.
 */
export function atomicWrites(servers: Pick<Servers, 'at'>, refusals: Refusals): AtomicWrites {
  // SET takes NX together with GET since Redis 7.0; an older server says so the first time, and is believed.
  let knowsSetNxGet = true
  // Without the right to scripts the command has to do, in flight or not.
  let mayRunScripts = true

  const addByCommand = async (
    way: Way,
    client: RedisClient,
    key: string,
    bytes: Buffer,
    ttl: string,
  ) => {
    const keep = ttl === '' ? [] : ['PX', ttl]
    const reply = await client.callBuffer('SET', [key, bytes, 'NX', ...keep, 'GET'])
    if (reply === null) return undefined
    if (!Buffer.isBuffer(reply)) throw new ReplyMismatch()
    // ioredis does not say whether this was a value or the word that answers a plain SET behind it.
    if (way.unanswered > 1 && reply.equals(acknowledgement)) throw new ReplyMismatch()
    return reply
  }

  const addByScript = async (client: RedisClient, key: string, bytes: Buffer, ttl: string) => {
    const word = randomBytes(6)
    const reply = await runScript(client, addScript, key, [bytes, ttl, word])
    const [answered, there] = Array.isArray(reply) && Array.isArray(reply[0]) ? reply[0] : []
    if (!Buffer.isBuffer(answered) || !answered.equals(word)) throw new ReplyMismatch()
    return Buffer.isBuffer(there) ? there : undefined
  }

  const add = async (way: Way, client: RedisClient, key: string, bytes: Buffer, ttl: string) => {
    const isAlone = way.unanswered <= 1
    if (knowsSetNxGet && (isAlone || !mayRunScripts)) {
      try {
        return await addByCommand(way, client, key, bytes, ttl)
      } catch (error) {
        if (refusalCode(error) !== 'ERR' || !/syntax/i.test((error as Error).message)) throw error
        knowsSetNxGet = false
      }
    }
    try {
      return await addByScript(client, key, bytes, ttl)
    } catch (error) {
      if (!refusals.note('EVAL', error) || !knowsSetNxGet) throw error
      mayRunScripts = false
      return addByCommand(way, client, key, bytes, ttl)
    }
  }

  return {
    add(key, bytes, ttl) {
      const way = servers.at(key)
      return way.run('add', (client) => add(way, client, key, bytes, ttl))
    },
    replace: (key, head, bytes, ttl) =>
      servers.at(key).run('replace', async (client) => {
        try {
          const reply = await runScript(client, replaceScript, key, [head, bytes, ttl])
          if (reply !== 0 && reply !== 1) throw new ReplyMismatch()
          return reply === 1
        } catch (error) {
          refusals.note('EVAL', error)
          throw error
        }
      }),
  }
}

const acknowledgement = Buffer.from('OK')
