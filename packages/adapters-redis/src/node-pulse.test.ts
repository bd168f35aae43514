import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { Deadlines } from './deadlines.ts'
import type { Exchange } from './exchange.ts'
import { NodePulse } from './node-pulse.ts'

function world() {
  const clock = fakeClock()
  const pings: { resolve(): void; reject(error: Error): void }[] = []
  const exchange = {
    run: () => new Promise<void>((resolve, reject) => pings.push({ resolve, reject })),
  } as unknown as Exchange
  const pulse = new NodePulse(exchange, new Deadlines(clock, 125), clock, 'redis')
  return { clock, pings, pulse }
}
const never = () => new Promise<never>(() => undefined)

test('a node that lets a command wait is not waited for again until it answers a PING', async () => {
  const { clock, pings, pulse } = world()
  const first = pulse.within('get', never)
  first.catch(() => undefined)
  await clock.advance(125)
  await expect(first).rejects.toMatchObject({ kind: 'timeout' })
  expect(pulse.isSilent).toBe(true)
  await expect(pulse.within('get', never)).rejects.toMatchObject({ kind: 'unavailable' })
  expect(pings).toHaveLength(1)
  pings[0]!.reject(new Error('lost'))
  await clock.advance(200)
  expect(pings).toHaveLength(2)
  pings[1]!.resolve()
  await clock.advance(0)
  expect(await pulse.within('get', async () => 'answer')).toBe('answer')
})

test('one that answers others meanwhile is only slow', async () => {
  const { clock, pings, pulse } = world()
  const slow = pulse.within('get', never)
  slow.catch(() => undefined)
  await clock.advance(100)
  await pulse.within('get', async () => 'answer')
  await clock.advance(25)
  await expect(slow).rejects.toMatchObject({ kind: 'timeout' })
  expect(pulse.isSilent).toBe(false)
  expect(pings).toHaveLength(0)
})
