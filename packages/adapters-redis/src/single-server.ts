import type { Exchange } from './exchange.ts'
import { GetBatcher } from './get-batcher.ts'
import type { RedisArgument, RedisClient } from './redis-client.ts'
import { ReplyMismatch } from './redis-errors.ts'
import type { NamedCommand, Servers } from './servers.ts'

/** So many keys or entries go into one command or pipeline. */
const perCommand = 512

/** All names on one server: multi-key commands are one command each. */
export function singleServer(exchange: Exchange): Servers {
  const gets = new GetBatcher(exchange)
  return {
    nameOf: (key) => key,
    keyOf: (name) => name,
    startsOf: (prefix) => [prefix],
    at: () => exchange,
    atChannel: () => exchange,
    get: (name) => gets.get(name),
    getMany: (names, operation) => gets.many(names, operation),
    async runAll(operation, commands) {
      await Promise.all(
        chunks(commands, perCommand).map((chunk) =>
          exchange.run(operation, (client) => runPipeline(client, chunk)),
        ),
      )
    },
    async deleteMany(operation, names) {
      await Promise.all(
        chunks(names, perCommand).map((chunk) =>
          exchange.run(operation, (client) => counted(client, 'DEL', chunk)),
        ),
      )
    },
    everyWay: async () => [exchange],
    close: () => exchange.close(),
  }
}

export function chunks<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = []
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size))
  return parts
}

/** @throws ReplyMismatch, as a rejection, for an answer that is no number. */
export async function counted(
  client: RedisClient,
  command: string,
  args: RedisArgument[],
): Promise<number> {
  const reply = await client.callBuffer(command, args)
  if (typeof reply !== 'number') throw new ReplyMismatch()
  return reply
}

/** Runs all commands in one write, and rejects with the first refusal once all are answered. */
async function runPipeline(client: RedisClient, commands: readonly NamedCommand[]): Promise<void> {
  const results = (await client.pipeline(commands.map((each) => [...each])).exec()) ?? []
  for (const [error] of results) if (error) throw error
  if (results.length !== commands.length) throw new ReplyMismatch()
}
