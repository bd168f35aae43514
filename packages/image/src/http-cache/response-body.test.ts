import { describe, expect, it } from 'vitest'
import { isComplete, readBody, untilAborted } from './response-body.ts'

const chunked = (...sizes: number[]) =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = sizes.shift()
      if (size === undefined) controller.close()
      else controller.enqueue(new Uint8Array(size).fill(size))
    },
  })

describe('a body', () => {
  it('up to the limit is read whole', async () => {
    const read = await readBody(new Response(chunked(3, 4, 3)), 10)
    expect('whole' in read && [...read.whole]).toEqual([3, 3, 3, 4, 4, 4, 4, 3, 3, 3])
    expect(await readBody(new Response(null), 10)).toEqual({ whole: new Uint8Array() })
  })

  it('beyond the limit is handed on from its first byte', async () => {
    const read = await readBody(new Response(chunked(3, 4, 4, 2)), 10)
    if (!('stream' in read)) throw new Error('read whole')
    expect((await new Response(read.stream).bytes()).length).toBe(13)
  })

  it('that announces more than the limit is not begun', async () => {
    const response = new Response(chunked(3), { headers: { 'content-length': '11' } })
    expect('stream' in (await readBody(response, 10))).toBe(true)
  })

  it('shorter than announced is not complete, unless it was decoded on its way', () => {
    const response = (headers: Record<string, string>) => new Response('abc', { headers })
    const body = new Uint8Array(3)
    expect(isComplete(response({ 'content-length': '4' }), body)).toBe(false)
    expect(isComplete(response({ 'content-length': '3' }), body)).toBe(true)
    expect(isComplete(response({}), body)).toBe(true)
    expect(isComplete(response({ 'content-length': '9', 'content-encoding': 'br' }), body)).toBe(
      true,
    )
  })

  it('that streams lets go of a long-lived signal when it ends', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners++
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners--
      remove(...given)
    }
    await new Response(untilAborted(chunked(1, 2), signal, () => {})).bytes()
    await untilAborted(chunked(1, 2), signal, () => {}).cancel()
    expect(listeners).toBe(0)
  })
})
