import type { RedisArgument, RedisClient } from './redis-client.ts'
import { refusalCode } from './redis-errors.ts'

/** How a bus speaks on a channel. */
export interface Speech {
  publish(client: RedisClient, args: RedisArgument[]): Promise<unknown>
  subscribe(client: RedisClient, channel: string): Promise<unknown>
}

export const plainSpeech: Speech = {
  publish: (client, args) => client.callBuffer('PUBLISH', args),
  subscribe: (client, channel) => client.subscribe(channel),
}

/**
 * On a cluster what is published in the plain way goes to every node; in the sharded one (Redis 7) only to those that
 * have the channel's slot. Servers that do not know it yet are spoken to in the plain way.
 */
export function shardedSpeech(): Speech & { readonly isSharded: boolean } {
  let isSharded = true
  const either = async (
    client: RedisClient,
    sharded: () => Promise<unknown>,
    plain: () => Promise<unknown>,
  ) => {
    if (!isSharded) return plain()
    try {
      return await sharded()
    } catch (error) {
      if (refusalCode(error) !== 'ERR' || !/unknown command/i.test((error as Error).message))
        throw error
      isSharded = false
      return client.status === 'ready' ? plain() : Promise.reject(error)
    }
  }
  return {
    get isSharded() {
      return isSharded
    },
    publish: (client, args) =>
      either(
        client,
        () => client.callBuffer('SPUBLISH', args),
        () => plainSpeech.publish(client, args),
      ),
    subscribe: (client, channel) =>
      either(
        client,
        () => client.ssubscribe(channel),
        () => plainSpeech.subscribe(client, channel),
      ),
  }
}
