import { StoreError } from '@holdfast/core'
import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { type ClusterAccess, ClusterMap } from './cluster-map.ts'
import type { ClusterNode } from './cluster-node.ts'
import { Redirection } from './redirection.ts'
import type { ServerAddress } from './server-address.ts'

type Row = readonly [from: number, to: number, ...ports: number[]]
const host = '127.0.0.1'
const at = (port: number): ServerAddress => ({ host, port })
const answerOf = (rows: readonly Row[]) =>
  rows.map(([from, to, ...ports]) => [from, to, ...ports.map((port) => [host, port])])

/** Nodes that answer CLUSTER SLOTS when, and with what, the test says. */
function world(named: readonly number[]) {
  const clock = fakeClock()
  const asked: { port: number; answer(rows: readonly Row[]): void; fail(): void }[] = []
  const opened: number[] = []
  const closed: number[] = []
  const away = new Set<number>()
  const access: ClusterAccess = {
    named: () => named.map(at),
    translate: (address) => address,
    open(address) {
      const { port } = address
      opened.push(port)
      const exchange = {
        run: () =>
          new Promise((resolve, reject) =>
            asked.push({
              port,
              answer: (rows) => resolve(answerOf(rows)),
              fail: () => reject(new StoreError('away', { kind: 'unavailable' })),
            }),
          ),
      }
      return {
        ...{ address, exchange, close: () => closed.push(port) },
        get isUp() {
          return !away.has(port)
        },
        get isAway() {
          return away.has(port)
        },
      } as unknown as ClusterNode
    },
  }
  const map = new ClusterMap(access, clock, 'redis')
  const portOf = (slot: number) => map.ownerOf(slot)?.address.port
  return { clock, asked, opened, closed, away, map, portOf }
}

const thirds: readonly Row[] = [
  [0, 5_461, 1, 4],
  [5_462, 10_922, 2, 5],
  [10_923, 16_383, 3, 6],
]
const moved = (port: number) => new Redirection('moved', at(port))

async function known(rows: readonly Row[] = thirds) {
  const all = world([1, 2])
  const found = all.map.findOwner(0, 'get')
  await all.clock.advance(0)
  all.asked[0]!.answer(rows)
  await found
  return all
}

test('however many ask for it at the start, one node is asked, once', async () => {
  const { asked, map, portOf, clock } = world([1, 2])
  const found = Array.from({ length: 100 }, (_, slot) => map.findOwner(slot * 160, 'get'))
  await clock.advance(50)
  expect(asked).toHaveLength(1)
  asked[0]!.answer(thirds)
  expect(new Set((await Promise.all(found)).map((node) => node.address.port))).toEqual(
    new Set([1, 2, 3]),
  )
  expect([portOf(0), portOf(5_462), portOf(16_383)]).toEqual([1, 2, 3])
  expect(asked).toHaveLength(1)
})

test('a node that says nothing for 100 ms is not the only one that is asked, and the first answer counts', async () => {
  const { asked, map, clock, portOf } = world([1, 2])
  const found = map.findOwner(0, 'get')
  await clock.advance(99)
  expect(asked.map(({ port }) => port)).toEqual([1])
  await clock.advance(1)
  expect(asked.map(({ port }) => port)).toEqual([1, 2])
  asked[1]!.answer(thirds)
  await found
  asked[0]!.answer([[0, 16_383, 9]])
  await clock.advance(0)
  expect(portOf(0)).toBe(1)
})

test('redirections correct their slot at once, and the whole map at most once a second', async () => {
  const { asked, map, clock, portOf } = await known()
  for (let slot = 0; slot < 1_000; slot++) {
    await map.follow(slot, moved(2), 'get')
    expect(portOf(slot)).toBe(2)
    await clock.advance(3)
  }
  // 3 s have gone by, and nobody has answered: one refresh is under way, which has asked every node once.
  expect(
    asked
      .slice(1)
      .map(({ port }) => port)
      .sort(),
  ).toEqual([1, 2, 3])
  for (const each of asked) each.answer(thirds)
  await clock.advance(0)
  const before = asked.length
  for (let round = 0; round < 100; round++) {
    await map.follow(0, moved(2), 'get')
    await clock.advance(30)
    asked.at(-1)!.answer(thirds)
  }
  // At most once in the three quarters of a second that are its jittered second.
  expect(asked.length - before).toBeGreaterThan(1)
  expect(asked.length - before).toBeLessThanOrEqual(4)
})

test('a redirection to whom nobody named or announced is refused, and nobody is connected to', async () => {
  const { asked, map, clock, opened } = await known()
  const followed = map.follow(0, moved(7), 'get')
  followed.catch(() => undefined)
  await clock.advance(0)
  // It may have joined since; so the nodes are asked, and it is refused when they do not know it.
  asked.at(-1)!.answer(thirds)
  await expect(followed).rejects.toMatchObject({ kind: 'protocol' })
  expect(opened).not.toContain(7)
  expect(map.ownerOf(0)?.address.port).toBe(1)
})

test('while a node is away the map is asked for every 0.4 s at most, and every 5 s when all is well', async () => {
  const { asked, map, clock, away } = await known()
  const answering = async (forMs: number, rows = thirds) => {
    const before = asked.length
    for (let ms = 0; ms < forMs; ms += 10) {
      await clock.advance(10)
      for (const each of asked.slice(before)) each.answer(rows)
    }
    return asked.length - before
  }
  const calm = await answering(60_000)
  expect(calm).toBeGreaterThanOrEqual(12)
  expect(calm).toBeLessThanOrEqual(17)
  away.add(1)
  map.suspect()
  const anxious = await answering(6_000)
  expect(anxious).toBeGreaterThanOrEqual(14)
  expect(anxious).toBeLessThanOrEqual(21)
})

test('a replica that takes over is told of before it is used, and a slot that only moves is not', async () => {
  const { asked, map, clock, portOf } = await known()
  const told: (number | undefined)[] = []
  map.onPrimaryChange(() => told.push(portOf(0)))
  const refreshed = async (rows: readonly Row[]) => {
    const done = map.refresh()
    await clock.advance(0)
    asked.at(-1)!.answer(rows)
    await done
  }
  await refreshed([
    [0, 100, 2, 5],
    [101, 5_461, 1, 4],
    [5_462, 10_922, 2, 5],
    [10_923, 16_383, 3, 6],
  ])
  expect(portOf(0)).toBe(2)
  expect(told).toEqual([])
  await refreshed(thirds)
  await refreshed([[0, 5_461, 4], ...thirds.slice(1)])
  expect(told).toEqual([1])
  expect(portOf(0)).toBe(4)
  await map.follow(5_462, moved(5), 'get')
  expect(told).toHaveLength(2)
})

test('nodes that have left are closed, and those that were named are kept to be asked', async () => {
  const { asked, map, clock, closed } = await known()
  const done = map.refresh()
  await clock.advance(0)
  asked.at(-1)!.answer([[0, 16_383, 2, 5]])
  await done
  expect(closed).toEqual([3])
  map.close()
  expect([...closed].sort()).toEqual([1, 2, 3])
  const { length } = asked
  await clock.advance(60_000)
  expect(asked).toHaveLength(length)
})
