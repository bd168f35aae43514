import { setImmediate as turnEnd } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { TurnBatch } from './turn-batch.ts'

function batch(most: number, isIdle = true) {
  const sent: string[][] = []
  const turn = new TurnBatch<string>(
    most,
    () => isIdle,
    (items) => sent.push(items),
  )
  return { turn, sent }
}

test('what comes at once goes out together, on the next tick where nothing is in flight', async () => {
  const { turn, sent } = batch(10)
  turn.add('a')
  turn.add('b')
  expect(sent).toEqual([])
  await new Promise<void>((resolve) => process.nextTick(resolve))
  expect(sent).toEqual([['a', 'b']])
})

test('behind others it is collected until the turn ends', async () => {
  const { turn, sent } = batch(10, false)
  turn.add('a')
  await new Promise<void>((resolve) => process.nextTick(resolve))
  turn.add('b')
  expect(sent).toEqual([])
  await turnEnd()
  expect(sent).toEqual([['a', 'b']])
})

test('a full batch goes at once, and nothing is sent for it again', async () => {
  const { turn, sent } = batch(2, false)
  for (const item of ['a', 'b', 'c']) turn.add(item)
  expect(sent).toEqual([['a', 'b']])
  await turnEnd()
  await turnEnd()
  expect(sent).toEqual([['a', 'b'], ['c']])
})
