import { EventEmitter } from 'node:events'
import { StoreError } from '@holdfast/core'
import { fakeClock } from '@holdfast/core/testing'
import { canary } from '@holdfast/lab/canary'
import { expect, test } from 'vitest'
import { OwnConnection } from './connection.ts'
import type { RedisClient } from './redis-client.ts'

class FakeClient extends EventEmitter {
  status = 'ready'
  disconnect() {
    if (this.status === 'end') return
    this.status = 'end'
    this.emit('close')
  }
}

const asClient = (client: FakeClient) => client as unknown as RedisClient
const refused = () => new StoreError('refused', { kind: 'unavailable' })

function connectionThat(opens: () => Promise<FakeClient>, seed = 1) {
  const clock = fakeClock({ seed })
  let opened = 0
  const connection = new OwnConnection({
    clock,
    store: 'test',
    open: async () => {
      opened++
      return asClient(await opens())
    },
  })
  return { clock, connection, opened: () => opened }
}

test('opens at its first use, once for all who wait', async () => {
  const { connection, opened } = connectionThat(async () => new FakeClient())
  expect(opened()).toBe(0)
  const [first, second] = await Promise.all([connection.wait(), connection.wait()])
  expect(first).toBe(second)
  expect(opened()).toBe(1)
})

test('after a failure it answers at once, and tries again in its own time for ever', async () => {
  let isAway = true
  const { connection, clock, opened } = connectionThat(async () => {
    if (isAway) throw refused()
    return new FakeClient()
  })
  await expect(connection.wait()).rejects.toThrow('refused')
  await expect(connection.wait()).rejects.toThrow('refused')
  expect(opened()).toBe(1)
  await clock.advance(60_000)
  // On average one try in each of the longest pauses' halves: a second.
  expect(opened()).toBeGreaterThan(20)
  expect(opened()).toBeLessThan(130)
  isAway = false
  await clock.advance(2_100)
  await expect(connection.wait()).resolves.toBeDefined()
})

test('a lost client is replaced by a new one', async () => {
  const clients: FakeClient[] = []
  const { connection, clock } = connectionThat(async () => {
    const client = new FakeClient()
    clients.push(client)
    return client
  })
  await connection.wait()
  clients[0]!.disconnect()
  expect(connection.client).toBeUndefined()
  await expect(connection.wait()).rejects.toMatchObject({ kind: 'unavailable' })
  await clock.advance(1_700)
  expect(connection.client).toBe(asClient(clients[1]!))
})

test('a client that was given up is cut off, and giving it up again changes nothing', async () => {
  const clients: FakeClient[] = []
  const { connection, clock, opened } = connectionThat(async () => {
    const client = new FakeClient()
    clients.push(client)
    return client
  })
  const first = await connection.wait()
  connection.drop(first, refused())
  connection.drop(first, refused())
  expect(clients[0]!.status).toBe('end')
  await clock.advance(1_700)
  connection.drop(first, refused())
  expect(connection.client).toBe(asClient(clients[1]!))
  expect(opened()).toBe(2)
})

test('a client whose replies went astray is replaced at once, and one that follows it in that as after any loss', async () => {
  const openedAt: number[] = []
  const { connection, clock } = connectionThat(async () => {
    openedAt.push(clock.monotonic())
    return new FakeClient()
  })
  const first = await connection.wait()
  await clock.advance(2_000)
  connection.drop(first, refused(), true)
  await clock.advance(20)
  expect(openedAt).toHaveLength(2)
  const second = await connection.wait()
  connection.drop(second, refused(), true)
  await clock.advance(20)
  expect(openedAt).toHaveLength(2)
  await clock.advance(1_700)
  expect(openedAt).toHaveLength(3)
})

test('a fleet comes back spread over the pause, not at once', async () => {
  const at: number[] = []
  for (let seed = 1; seed <= 200; seed++) {
    let isFirst = true
    const { connection, clock } = connectionThat(async () => {
      if (!isFirst) at.push(clock.monotonic())
      isFirst = false
      return new FakeClient()
    }, seed)
    const client = await connection.wait()
    connection.drop(client, refused())
    await clock.advance(1_700)
  }
  expect(at).toHaveLength(200)
  const busiest = Math.max(
    ...at.map((from) => at.filter((other) => other >= from && other < from + 100).length),
  )
  expect(busiest).toBeLessThanOrEqual(40)
})

test('after close nothing is opened, and a client that arrives late is cut off', async () => {
  let arrive = (_: FakeClient) => {}
  const { connection, clock } = connectionThat(
    () =>
      new Promise((resolve) => {
        arrive = resolve
      }),
  )
  const waiting = connection.wait()
  connection.close()
  const late = new FakeClient()
  arrive(late)
  await expect(waiting).rejects.toMatchObject({ name: 'ClosedError' })
  expect(late.status).toBe('end')
  await expect(connection.wait()).rejects.toMatchObject({ name: 'ClosedError' })
  await clock.advance(10_000)
  expect(clock.pendingTimers).toBe(0)
})

test('a reply that nobody waits for costs the connection', async () => {
  const client = new FakeClient()
  const { connection } = connectionThat(async () => client)
  await connection.wait()
  client.emit('error', new Error(`Command queue state error. Last reply: ${canary}`))
  expect(connection.client).toBeUndefined()
  await expect(connection.wait()).rejects.not.toThrow(canary)
})

test('one that is told to hurry comes back soon, also when a try was under way', async () => {
  let answer: (client: FakeClient | Error) => void = () => undefined
  const { connection, clock, opened } = connectionThat(
    () =>
      new Promise((resolve, reject) => {
        answer = (client) => (client instanceof Error ? reject(client) : resolve(client))
      }),
  )
  const first = connection.wait()
  first.catch(() => undefined)
  await clock.advance(0)
  connection.hurry()
  answer(refused())
  await expect(first).rejects.toThrow('refused')
  expect(connection.isAway).toBe(true)
  await clock.advance(400)
  expect(opened()).toBe(2)
  answer(refused())
  await clock.advance(0)
  connection.hurry()
  await clock.advance(400)
  expect(opened()).toBe(3)
  answer(new FakeClient())
  await clock.advance(0)
  expect(connection.isAway).toBe(false)
  // One that is up has nothing to hurry for.
  connection.hurry()
  await clock.advance(10_000)
  expect(opened()).toBe(3)
})
