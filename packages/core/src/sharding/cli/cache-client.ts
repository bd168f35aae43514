import { CliError, exitCodes } from './cli-error.ts'
import type { LineConnection } from './line-connection.ts'

/** The three commands `verify` gives, to a proxy or to a server. Values are short texts. */
export interface CacheClient {
  set(key: string, value: string, ttlSeconds: number): Promise<void>
  get(key: string): Promise<string | undefined>
  delete(key: string): Promise<void>
  close(): void
}

const unexpected = (command: string, answer: string): CliError =>
  new CliError(`unexpected answer to ${command}: ${answer.slice(0, 80)}`, exitCodes.unreachable)

/** Memcached's text protocol (protocol.txt). */
export function memcachedClient(connection: LineConnection): CacheClient {
  return {
    async set(key, value, ttlSeconds) {
      const length = Buffer.byteLength(value)
      connection.send(`set ${key} 0 ${ttlSeconds} ${length}\r\n${value}\r\n`)
      const answer = await connection.line()
      if (answer !== 'STORED') throw unexpected('set', answer)
    },
    async get(key) {
      connection.send(`get ${key}\r\n`)
      const answer = await connection.line()
      if (answer === 'END') return undefined
      const length = /^VALUE \S+ \d+ (\d+)/.exec(answer)?.[1]
      if (length === undefined) throw unexpected('get', answer)
      const value = await connection.bytes(Number(length))
      await connection.line()
      return value
    },
    async delete(key) {
      connection.send(`delete ${key}\r\n`)
      const answer = await connection.line()
      if (answer !== 'DELETED' && answer !== 'NOT_FOUND') throw unexpected('delete', answer)
    },
    close: () => connection.close(),
  }
}

/** RESP2, which is what twemproxy speaks. */
export async function redisClient(
  connection: LineConnection,
  setup: { password?: string | undefined; database: number },
): Promise<CacheClient> {
  const command = async (...words: readonly string[]): Promise<string | undefined> => {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    connection.send(`*${words.length}\r\n${parts.join('')}`)
    const answer = await connection.line()
    // An error may quote the command, and AUTH holds a password: only its first word is told.
    if (answer.startsWith('-')) throw unexpected(words[0]!, answer.split(' ')[0]!)
    if (!answer.startsWith('$')) return answer.slice(1)
    const length = Number(answer.slice(1))
    return length < 0 ? undefined : connection.bytes(length)
  }
  if (setup.password !== undefined) await command('AUTH', setup.password)
  if (setup.database !== 0) await command('SELECT', String(setup.database))
  return {
    async set(key, value, ttlSeconds) {
      await command('SETEX', key, String(ttlSeconds), value)
    },
    get: (key) => command('GET', key),
    async delete(key) {
      await command('DEL', key)
    },
    close: () => connection.close(),
  }
}
