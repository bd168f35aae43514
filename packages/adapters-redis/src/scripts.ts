import { createHash } from 'node:crypto'
import { gatherWrites, type RedisArgument, type RedisClient } from './redis-client.ts'
import { refusalCode } from './redis-errors.ts'

export interface Script {
  readonly lua: string
  readonly sha: string
}

const script = (lua: string): Script => ({
  lua,
  sha: createHash('sha1').update(lua).digest('hex'),
})

/** Stores ARGV[n] with the time to live of ARGV[m]: '' for none, '0' for one that is already over. */
const keep = (bytes: string, ttl: string) => `
if ${ttl} == '0' then redis.call('DEL', KEYS[1])
elseif ${ttl} == '' then redis.call('SET', KEYS[1], ${bytes})
else redis.call('SET', KEYS[1], ${bytes}, 'PX', ${ttl}) end`

/** ARGV: head, bytes, time to live. Reads no more of the value than the head is long. */
export const replaceScript = script(`
local head = ARGV[1]
if #head == 0 then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
elseif redis.call('GETRANGE', KEYS[1], 0, #head - 1) ~= head then return 0 end
${keep('ARGV[2]', 'ARGV[3]')}
return 1`)

/**
 * ARGV: bytes, time to live, a word. What SET with NX and GET does since Redis 7.0, with an answer that cannot be taken
 * for another command's: the word stands beside what was found.
 */
export const addScript = script(`
local there = redis.call('GET', KEYS[1])
if not there then ${keep('ARGV[1]', 'ARGV[2]')} end
return {{ARGV[3], there}}`)

/** Runs a script by its hash, and by its text where the server does not know it yet, or not any more. */
export async function runScript(
  client: RedisClient,
  { lua, sha }: Script,
  key: string,
  args: readonly RedisArgument[],
): Promise<unknown> {
  gatherWrites(client)
  try {
    return await client.callBuffer('EVALSHA', [sha, 1, key, ...args])
  } catch (error) {
    if (refusalCode(error) !== 'NOSCRIPT') throw error
    return client.callBuffer('EVAL', [lua, 1, key, ...args])
  }
}
