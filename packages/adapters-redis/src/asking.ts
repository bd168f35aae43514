import type { RedisArgument, RedisClient } from './redis-client.ts'

/** A client that announces before each command that it was sent here by the node which still has the slot. */
export function asking(client: RedisClient): RedisClient {
  const announce = () => {
    // Written in front; a refusal of it shows in what follows.
    client.callBuffer('ASKING', []).catch(() => undefined)
  }
  return Object.assign(Object.create(client) as RedisClient, {
    callBuffer(command: string, args: RedisArgument[]) {
      announce()
      return client.callBuffer(command, args)
    },
    mgetBuffer(names: string[]) {
      announce()
      return client.mgetBuffer(names)
    },
  })
}
