import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { shardedMemcached } from '@holdfast/memcached'

/** Three servers, and the store over them as a service has it. */
export interface Fleet {
  readonly servers: readonly { readonly name: string; readonly process: MemcachedServer }[]
  readonly store: ReturnType<typeof shardedMemcached>
  stop(): Promise<void>
}

const names = ['cache-1', 'cache-2', 'cache-3']

export async function startFleet(): Promise<Fleet> {
  const processes = await Promise.all(names.map(() => startMemcached()))
  const servers = processes.map((process, index) => ({ name: names[index] as string, process }))
  const store = shardedMemcached({
    // Keys follow a server's name. Its address may change.
    servers: servers.map(({ name, process }) => ({ name, host: '127.0.0.1', port: process.port })),
    protocol: 'meta',
    // While a server is out, its keys live on the others for a few seconds at a time.
    onFailure: 'gutter',
  })
  return {
    servers,
    store,
    async stop() {
      await store.close()
      await Promise.all(processes.map((process) => process.kill()))
    },
  }
}
