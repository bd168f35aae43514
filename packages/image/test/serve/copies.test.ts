import { mkdtemp, rm } from 'node:fs/promises'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryBacking, memoryStore } from '@holdfast/core'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { diskStore } from '../../src/disk-store/disk-store.ts'
import { createImageHandler } from '../../src/serve/image-handler.ts'
import { toNode } from '../../src/serve/to-node.ts'
import { setup, url } from '../image-cache/origin.ts'
import { png } from '../image-cache/pictures.ts'

type Setup = Awaited<ReturnType<typeof setup>>
let made: Setup | undefined
afterEach(() => made?.close())

/** What a response is handed to send: the very bytes, so that a copy shows. */
function sentBy({ images }: Setup) {
  const node = toNode(createImageHandler(images))
  return () =>
    new Promise<Uint8Array>((resolve, reject) => {
      const request = new IncomingMessage(new Socket())
      request.method = 'GET'
      request.url = `/?url=${encodeURIComponent(url)}`
      const response = new ServerResponse(request)
      response.end = ((body: Uint8Array) => {
        resolve(body)
        return response
      }) as never
      node(request, response, reject)
    })
}

test('from memory the bytes that were downloaded are sent, and no copy of them is made', async () => {
  made = await setup()
  made.origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  const sent = sentBy(made)
  const first = await sent()
  expect(await sent()).toBe(first)
  expect(await sent()).toBe(first)
})

test('from a store they are read once, and from then on sent as they were read', async () => {
  const store = memoryStore({ backing: new MemoryBacking() })
  made = await setup({}, { store, bus: false })
  made.origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  const sent = sentBy(made)
  const first = await sent()
  // Past what a near tier without a bus believes: the store is asked again.
  await made.clock.advance('2s')
  const read = await sent()
  expect(read).not.toBe(first)
  expect(read).toEqual(first)
  expect(await sent()).toBe(read)
  expect(made.origin.hits).toBe(1)
})

test('from a disk alone the bytes are sent out of the memory that the file was read into', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-copies-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const store = diskStore({ directory, maxBytes: 1e7 })
  made = await setup({}, { store, memory: false, bus: false })
  const large = Buffer.concat([png(2, 3), Buffer.alloc(100_000, 7)])
  made.origin.answer = () => ({ body: large, headers: { 'cache-control': 'max-age=60' } })
  const sent = sentBy(made)
  await sent()
  const [one, another] = [await sent(), await sent()]
  expect(large.equals(one)).toBe(true)
  expect(made.origin.hits).toBe(1)
  // Around the image in that memory: what else stands in the file, and nothing more.
  const extra = one.buffer.byteLength - one.byteLength
  expect([extra > 100, extra < 2_000]).toEqual([true, true])
  expect(another.buffer).not.toBe(one.buffer)
})

test('a caller of get pays for one copy, and only where it asks for the bytes', async () => {
  made = await setup()
  made.origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  const kept = await sentBy(made)()
  const image = await made.images.get(url)
  const { body } = image
  expect(body).not.toBe(kept)
  expect(image.body).toBe(body)
})
