import { setTimeout as sleep } from 'node:timers/promises'
import { compareRings, createRing, parseNutcracker } from '@holdfast/core/sharding'
import { shardedRedis } from '@holdfast/redis'
import { Redis } from 'ioredis'
import { startCluster } from './cluster.ts'

const names = ['cache-1', 'cache-2', 'cache-3', 'cache-4']
const minute = { ttlMs: 60_000 }

/** What the story came to, for whoever tells or checks it. */
export interface Outcome {
  readonly written: number
  readonly foundWithoutProxy: number
  readonly foundThroughProxy: number
  readonly perServer: readonly number[]
  /** The share of keys that belongs to the fifth server. */
  readonly movedShare: number
  readonly foundWhileMoving: number
  readonly foundWithOneDead: number
  readonly expectedWithOneDead: number
}

export async function tellStory(keyCount: number, say: (line: string) => void): Promise<Outcome> {
  const cluster = await startCluster(names)
  const keys = Array.from({ length: keyCount }, (_, number) => `user:{${number * 7_919}}:profile`)
  const profileOf = (key: string) => `profile of ${key}`

  say(`${names.length} Redis servers behind a nutcracker. Writing ${keyCount} keys through it …`)
  // A client of today's Redis says CLIENT and HELLO at first, for which nutcracker hangs up.
  const through = new Redis({
    host: '127.0.0.1',
    port: cluster.proxy.port,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
  })
  await Promise.all(keys.map((key) => through.set(key, profileOf(key))))
  const sizes = await Promise.all(cluster.servers.map((server) => server.command('DBSIZE')))
  say(`  on the servers: ${sizes.join(', ')}`)

  say('Reading them without the proxy, from its own nutcracker.yml …')
  const { pools, warnings } = parseNutcracker(cluster.yml)
  for (const warning of warnings) say(`  the file says: ${warning}`)
  const pool = pools.sessions
  if (pool === undefined) throw new Error('the yml must have a pool named sessions')
  const store = shardedRedis(pool)
  await untilConnected(
    () => store.getMany(keys),
    () => store.stats().servers,
  )
  const count = async () => {
    const all = await store.getMany(keys)
    return all.filter((bytes, index) => text(bytes) === profileOf(keys[index] as string)).length
  }
  const foundWithoutProxy = await count()
  say(`  found ${foundWithoutProxy} of ${keyCount}`)

  const firstHalf = keys.slice(0, keyCount / 2)
  await store.setMany(
    firstHalf.map((key) => ({ key, bytes: new TextEncoder().encode(profileOf(key)), ...minute })),
  )
  const read = await Promise.all(firstHalf.map((key) => through.get(key)))
  const foundThroughProxy = read.filter(
    (value, at) => value === profileOf(keys[at] as string),
  ).length
  say(`  written without the proxy, found through it: ${foundThroughProxy} of ${firstHalf.length}`)

  through.disconnect()
  await cluster.proxy.stop()
  say('The proxy is stopped. Adding a fifth server while the store is in use …')
  const fifth = await cluster.addServer()
  const { compat, distribution, hash, hashTag } = pool
  const servers = [
    ...pool.servers,
    { name: 'cache-5', host: '127.0.0.1', port: fifth.port, weight: 1 },
  ]
  const after = createRing({ compat, distribution, hash, hashTag, servers })
  const { moved } = compareRings(createRing(pool), after, keys)
  store.setServers(servers, { window: '1m' })
  const foundWhileMoving = await count()
  say(`  ${percent(moved)} of the keys have moved; found ${foundWhileMoving} of ${keyCount}`)

  say('Killing cache-2 …')
  const expectedWithOneDead = keys.filter((key) => {
    const { server, before } = store.explain(key)
    return (before ?? server) !== 'cache-2'
  }).length
  await cluster.servers[1]?.kill()
  const foundWithOneDead = await count()
  say(`  found ${foundWithOneDead} of ${keyCount}: only its own keys are gone`)

  const { sockets } = store.explain(keys[0] as string)
  say(`Sockets of this process: ${sockets.perProcess}; through the proxy it was 1.`)
  await store.close()
  await cluster.stop()
  return {
    written: keyCount,
    foundWithoutProxy,
    foundThroughProxy,
    perServer: sizes.map(Number),
    movedShare: moved,
    foundWhileMoving,
    foundWithOneDead,
    expectedWithOneDead,
  }
}

/** A store connects at its first use; a machine under load may need more than one try. */
async function untilConnected(
  use: () => Promise<unknown>,
  servers: () => Record<string, { readonly responses: number; readonly state: string }>,
): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    await use().catch(() => {})
    const all = Object.values(servers())
    if (all.every(({ responses, state }) => responses > 0 && state === 'in')) return
    await sleep(50)
  }
}

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes)
const percent = (share: number) => `${(share * 100).toFixed(1)} %`
