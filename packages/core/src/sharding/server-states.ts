import type { ServerState, ServerStates } from '../store/store.ts'
import type { ShardServer } from './shard-server.ts'

/** How each server is used at present. One that stands in for others is told apart while it is used at all. */
export function statesOf(
  servers: readonly ShardServer[],
  gutter: ShardServer | undefined,
): ReturnType<ServerStates['serverStates']> {
  return new Map(
    servers.map((server): [string, ServerState] => {
      const { ejects } = server.stats()
      const whileIn = server === gutter ? 'gutter' : 'live'
      return [server.name, { state: server.isOut ? 'ejected' : whileIn, ejections: ejects }]
    }),
  )
}
