import { type Exchange, witness } from './exchange.ts'
import type { RedisClient } from './redis-client.ts'
import { ReplyMismatch, refusalCode } from './redis-errors.ts'
import type { Refusals } from './refusals.ts'
import { addScript, replaceScript, runScript } from './scripts.ts'

export interface AtomicWrites {
  add(key: string, bytes: Buffer, ttl: string): Promise<Uint8Array | undefined>
  replace(key: string, head: Buffer, bytes: Buffer, ttl: string): Promise<boolean>
}

/** The two writes that depend on what is stored. `ttl` as of `px`, for `add` never `'0'`. */
export function atomicWrites(exchange: Exchange, refusals: Refusals): AtomicWrites {
  // SET takes NX together with GET since Redis 7.0; an older server says so the first time, and is believed.
  let addsByScript = false

  const addByCommand = (client: RedisClient, key: string, bytes: Buffer, ttl: string) =>
    client.callBuffer('SET', [key, bytes, 'NX', ...(ttl === '' ? [] : ['PX', ttl]), 'GET'])

  const addOn = async (client: RedisClient, key: string, bytes: Buffer, ttl: string) => {
    if (!addsByScript) {
      try {
        return await addByCommand(client, key, bytes, ttl)
      } catch (error) {
        if (refusalCode(error) !== 'ERR' || !/syntax/i.test((error as Error).message)) throw error
        addsByScript = true
      }
    }
    return runScript(client, addScript, key, [bytes, ttl])
  }

  return {
    add: (key, bytes, ttl) =>
      exchange.run('add', async (client) => {
        // Other bytes would be another key's claim; among several in flight, a witness goes with it.
        const needsWitness = exchange.unanswered > 1
        const [reply] = await Promise.all([
          addOn(client, key, bytes, ttl),
          needsWitness ? witness(client) : undefined,
        ])
        if (reply === null) return undefined
        if (!Buffer.isBuffer(reply)) throw new ReplyMismatch()
        return reply
      }),
    replace: (key, head, bytes, ttl) =>
      exchange.run('replace', async (client) => {
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
