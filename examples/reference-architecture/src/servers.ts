import { connect } from 'node:net'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { type SentinelGroup, startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import type { Addresses } from './addresses.ts'

/** The boxes at the bottom of the picture. */
export interface Servers {
  /** A primary, two replicas, three sentinels. */
  readonly redis: SentinelGroup
  readonly memcached: readonly { readonly name: string; readonly process: MemcachedServer }[]
  readonly addresses: Omit<Addresses, 'services'>
  stop(): Promise<void>
}

/** As the reference sets them: nothing is evicted, and a second of writes is the most that a power cut can take. */
const sessionServer = {
  maxmemory: '64mb',
  'maxmemory-policy': 'noeviction',
  appendonly: 'yes',
  appendfsync: 'everysec',
}

export async function startServers(): Promise<Servers> {
  const redis = await startSentinelGroup({ config: sessionServer })
  const memcached: { name: string; process: MemcachedServer }[] = []
  const stop = async () => {
    await Promise.all([redis.stop(), ...memcached.map(({ process }) => process.stop())])
  }
  try {
    for (const name of ['node-1', 'node-2', 'node-3']) {
      memcached.push({ name, process: await startMemcached() })
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    redis,
    memcached,
    addresses: {
      sentinels: redis.addresses,
      primaryName: redis.name,
      memcached: memcached.map(({ name, process }) => ({
        name,
        host: '127.0.0.1',
        port: process.port,
      })),
    },
    stop,
  }
}

/** Whether Memcached itself has the key: asked past the library, as with telnet. */
export function isInMemcached({ port }: MemcachedServer, key: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`mg ${key}\r\n`))
    socket.once('data', (reply) => {
      socket.destroy()
      resolve(reply.toString('latin1').startsWith('HD'))
    })
    socket.once('error', reject)
  })
}
