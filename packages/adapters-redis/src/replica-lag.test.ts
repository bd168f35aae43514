import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { RecentWrites } from './recent-writes.ts'
import { ReplicaLag, replicationFacts } from './replica-lag.ts'
import type { Way } from './servers.ts'

const primaryInfo = (offset: number, history = 'a') =>
  `# Replication\r\nrole:master\r\nconnected_slaves:1\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=${offset},lag=0\r\nmaster_replid:${history}\r\nmaster_repl_offset:${offset}\r\n`
const replicaInfo = (offset: number, history = 'a', link = 'up') =>
  `# Replication\r\nrole:slave\r\nmaster_link_status:${link}\r\nslave_repl_offset:${offset}\r\nmaster_replid:${history}\r\nmaster_repl_offset:${offset}\r\n`

function world() {
  const clock = fakeClock()
  const said = { primary: primaryInfo(100), replica: replicaInfo(100), isOut: false }
  const way = (info: () => string): Way => ({
    unanswered: 0,
    run: async <T>() => {
      if (said.isOut) throw new Error('out')
      return info() as T
    },
  })
  const replica = Object.assign(
    way(() => said.replica),
    { close: () => undefined },
  )
  const lag = new ReplicaLag({
    primary: way(() => said.primary),
    open: () => replica,
    clock,
    maxLagMs: 1_000,
  })
  return { clock, said, lag, replica }
}

test('what INFO says', () => {
  expect(replicationFacts(primaryInfo(7))).toEqual({
    role: 'master',
    history: 'a',
    offset: 7,
    isLinked: false,
    replicas: [{ host: '10.0.0.2', port: 6379 }],
  })
  expect(replicationFacts(replicaInfo(5))).toMatchObject({
    role: 'slave',
    offset: 5,
    isLinked: true,
  })
  expect(replicationFacts('').offset).toBeNaN()
})

test('a replica that keeps up is read from, once that is known', async () => {
  const { clock, lag, replica } = world()
  await clock.advance(10)
  expect(lag.replicaWith(0)).toBeUndefined()
  await clock.advance(1)
  expect(lag.replicaWith(0)).toBe(replica)
  // Not for what was written after that moment.
  expect(lag.replicaWith(clock.monotonic())).toBeUndefined()
  lag.close()
})

test('one that falls behind is not read from for longer than maxLag and a second', async () => {
  const { clock, said, lag, replica } = world()
  lag.replicaWith(0)
  await clock.advance(1_001)
  expect(lag.replicaWith(-1)).toBe(replica)
  const wroteAt = clock.monotonic()
  said.primary = primaryInfo(200)
  while (lag.replicaWith(-1) !== undefined) await clock.advance(50)
  expect(clock.monotonic() - wroteAt).toBeLessThanOrEqual(2_000)
  said.replica = replicaInfo(200)
  await clock.advance(2_100)
  expect(lag.replicaWith(wroteAt)).toBe(replica)
  lag.close()
})

test.each([
  ['whose link is down', replicaInfo(100, 'a', 'down')],
  ['of another history', replicaInfo(100, 'b')],
  ['that is a primary now', primaryInfo(100)],
  ['that says nothing', ''],
])('one %s is not read from', async (_, info) => {
  const { clock, said, lag } = world()
  said.replica = info
  lag.replicaWith(0)
  await clock.advance(3_000)
  expect(lag.replicaWith(-1)).toBeUndefined()
  lag.close()
})

test('where nothing can be asked, nothing is read from a replica', async () => {
  const { clock, said, lag, replica } = world()
  lag.replicaWith(0)
  await clock.advance(1_001)
  expect(lag.replicaWith(-1)).toBe(replica)
  said.isOut = true
  await clock.advance(2_001)
  expect(lag.replicaWith(-1)).toBeUndefined()
  lag.close()
})

test('writes are remembered until replicas have them, and more than fit concern all names', async () => {
  const clock = fakeClock()
  const writes = new RecentWrites(clock)
  const before = clock.monotonic()
  await clock.advance(10)
  writes.note('a')
  expect(writes.writtenAt('a')).toBe(clock.monotonic())
  expect(writes.writtenAt('b')).toBeLessThan(before)
  writes.forget(clock.monotonic() + 1)
  expect(writes.size).toBe(0)
  for (let index = 0; index < 10_001; index++) writes.note(`n${index}`)
  expect(writes.size).toBe(0)
  expect(writes.writtenAt('b')).toBe(clock.monotonic())
})
