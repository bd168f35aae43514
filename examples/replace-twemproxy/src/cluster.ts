import { type NutcrackerProxy, startNutcracker } from '@holdfast/lab/nutcracker-proxy'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'

/** What many services have today: Redis servers behind a twemproxy. */
export interface Cluster {
  readonly servers: readonly RedisServer[]
  readonly proxy: NutcrackerProxy
  /** The nutcracker.yml that the proxy was started with. */
  readonly yml: string
  /** One more server, which the proxy knows nothing of. */
  addServer(): Promise<RedisServer>
  stop(): Promise<void>
}

const pool = {
  hash: 'fnv1a_64',
  distribution: 'ketama',
  hash_tag: "'{}'",
  redis: 'true',
  timeout: '400',
} as const

export async function startCluster(names: readonly string[]): Promise<Cluster> {
  const servers = await Promise.all(names.map(() => startRedis()))
  const lines = servers.map(({ port }, index) => `127.0.0.1:${port}:1 ${names[index]}`)
  const proxy = await startNutcracker({ servers: lines, pool })
  const yml = [
    'sessions:',
    `  listen: 127.0.0.1:${proxy.port}`,
    ...Object.entries(pool).map(([name, value]) => `  ${name}: ${value}`),
    '  servers:',
    ...lines.map((line) => `   - ${line}`),
    '',
  ].join('\n')
  return {
    servers,
    proxy,
    yml,
    async addServer() {
      const server = await startRedis()
      servers.push(server)
      return server
    },
    async stop() {
      await proxy.stop()
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}
