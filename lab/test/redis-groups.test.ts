import { describe, expect, onTestFinished, test } from 'vitest'
import { accepts } from '../src/memcached-server.ts'
import { startRedisCluster } from '../src/redis-cluster.ts'
import { startSentinelGroup } from '../src/redis-sentinel.ts'

describe.each(['redis', 'valkey'] as const)('with %s', (engine) => {
  test('sentinels promote a replica when the primary is killed', async () => {
    const group = await startSentinelGroup({ engine })
    onTestFinished(() => group.stop())
    const [first] = group.servers
    expect(await group.primary()).toBe(first)
    await first!.command('SET', 'a', '1')
    for (const replica of group.servers.slice(1)) {
      await expect.poll(() => replica.command('GET', 'a')).toBe('1')
    }
    await first!.kill()
    await group.promotedAfter(first!)
    await expect.poll(async () => (await group.primary()) !== first, { timeout: 10_000 }).toBe(true)
    const second = await group.primary()
    expect(await second.command('GET', 'a')).toBe('1')
    expect(await second.command('SET', 'a', '2')).toBe('OK')
    await group.stop()
    expect(await accepts(group.addresses[0]!.port)).toBe(false)
  })

  test('a cluster of six serves all slots, moves some with their keys, and promotes a replica', async () => {
    const cluster = await startRedisCluster({ engine })
    onTestFinished(() => cluster.stop())
    const slot = await cluster.slotOf('key')
    const owner = await cluster.ownerOf(slot)
    const other = cluster.primaries.find((node) => node !== owner)!
    await owner.command('SET', 'key', 'value')
    await cluster.moveSlots([slot], owner, other)
    expect(await other.command('GET', 'key')).toBe('value')
    await expect(owner.command('GET', 'key')).rejects.toThrow(`MOVED ${slot}`)
    await other.kill()
    await expect
      .poll(() => cluster.ownerOf(slot), { timeout: 10_000 })
      .toBe(cluster.replicaOf(other))
    expect(await cluster.replicaOf(other).command('GET', 'key')).toBe('value')
  })
})
