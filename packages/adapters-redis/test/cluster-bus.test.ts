import { setTimeout as sleep } from 'node:timers/promises'
import { changePrimaryIn } from '@holdfast/lab/primary-changes'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import { until } from '@holdfast/lab/until'
import { describe, expect, onTestFinished, test } from 'vitest'
import { slotOf } from '../src/hash-slot.ts'
import { redisBus } from '../src/index.ts'

const channel = 'of-a-cluster'

describe.each(['redis', 'valkey'] as const)('a bus over a cluster of %s', (engine) => {
  test('uses a sharded channel, follows its slot and its primary, and says when it may have missed something', async () => {
    const cluster = await startRedisCluster({ engine })
    onTestFinished(() => cluster.stop())
    const open = () => {
      const options = { cluster: cluster.addresses, commandTimeout: 10_000 }
      const bus = redisBus(options, { channel })
      onTestFinished(() => bus.close())
      return bus
    }
    const [speaking, listening] = [open(), open()]
    /** What was heard, and when the link was lost in between. */
    const heard: string[] = []
    const stop = listening.subscribe(
      (message) => heard.push(Buffer.from(message).toString()),
      (state) => state === 'down' && heard.push('down'),
    )
    onTestFinished(stop)
    const acknowledged: string[] = []
    let count = 0
    const say = async () => {
      const word = `word-${count++}`
      await speaking.publish(Buffer.from(word)).then(
        () => acknowledged.push(word),
        () => undefined,
      )
      return word
    }
    /** Until what is said is heard again; most of it while nobody knows yet is said to somebody who is gone. */
    const isHeard = (what: string) =>
      until(
        what,
        async () => {
          const word = await say()
          await sleep(50)
          return heard.includes(word)
        },
        30_000,
      )

    await isHeard('the bus carries')
    const counts = await Promise.all(cluster.nodes.map((node) => node.commandCounts()))
    const calls = (name: string) => counts.reduce((sum, each) => sum + (each[name] ?? 0), 0)
    expect(calls('spublish')).toBeGreaterThan(0)
    expect(calls('ssubscribe')).toBeGreaterThan(0)
    expect([calls('publish'), calls('subscribe')]).toEqual([0, 0])

    const slot = slotOf(channel)
    const first = await cluster.ownerOf(slot)
    const second = cluster.primaries.find((node) => node !== first)!
    await cluster.moveSlots([slot], first, second)
    await isHeard('the bus has followed its slot')
    await changePrimaryIn(cluster, second, 'killed')
    await isHeard('the bus has followed its primary')

    // Between two words that were heard, each that was acknowledged was heard too, or the link was said to be down.
    let before = -1
    let missed: string[] = []
    for (const word of acknowledged) {
      const at = heard.indexOf(word)
      if (at < 0) {
        if (before >= 0) missed.push(word)
        continue
      }
      if (missed.length > 0) expect(heard.slice(before, at), missed.join()).toContain('down')
      missed = []
      before = at
    }
  })
})
