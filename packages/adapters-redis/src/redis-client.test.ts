import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { gatherWrites, type RedisClient } from './redis-client.ts'

test('what is written to a client in one turn goes out in one piece, and nothing waits beyond the turn', async () => {
  const pieces: number[] = []
  const stream = new Writable({
    writev(chunks, done) {
      pieces.push(chunks.length)
      done()
    },
  })
  const client = { stream } as unknown as RedisClient
  const write = async (text: string) => {
    gatherWrites(client)
    stream.write(text)
  }
  await Promise.all(['a', 'b', 'c'].map((text) => Promise.resolve(text).then(write)))
  await new Promise((resolve) => process.nextTick(resolve))
  expect(pieces).toEqual([3])
  expect(stream.writableCorked).toBe(0)
  await write('d')
  await new Promise((resolve) => process.nextTick(resolve))
  expect(pieces).toEqual([3, 1])
})

test('a client that is lost meanwhile, or never was connected, is no matter', async () => {
  gatherWrites({} as RedisClient)
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() })
  gatherWrites({ stream } as unknown as RedisClient)
  stream.destroy()
  await new Promise((resolve) => process.nextTick(resolve))
  expect(stream.destroyed).toBe(true)
})
