import type { Servers } from './servers.ts'

/** The picture of the reference, with the ports of this run. */
export function picture({ redis, memcached }: Servers): string[] {
  const box = (port: number | undefined) => `:${port}`.padEnd(7)
  const [primary, ...replicas] = redis.servers.map(({ port }) => box(port))
  const nodes = memcached.map(({ process }) => box(process.port))
  const sentinels = redis.sentinels.map(({ port }) => `:${port}`).join(' ')
  return `
                    ┌───────────────────────┐
                    │ two processes (shop)  │
                    └───────────┬───────────┘
                ┌───────────────┴───────────────┐
       ┌────────┴────────┐             ┌────────┴────────┐
       │ Redis           │   events    │ Memcached       │
       │ (sessions)      ├─────────────┤ (answers)       │
       └────────┬────────┘             └────────┬────────┘
     ┌──────────┼──────────┐         ┌──────────┼──────────┐
 ┌───┴───┐  ┌───┴───┐  ┌───┴───┐ ┌───┴───┐  ┌───┴───┐  ┌───┴───┐
 │primary│  │replica│  │replica│ │node-1 │  │node-2 │  │node-3 │
 │${primary}│  │${replicas.join('│  │')}│ │${nodes.join('│  │')}│
 └───────┘  └───────┘  └───────┘ └───────┘  └───────┘  └───────┘
   sentinels ${sentinels}`.split('\n')
}
