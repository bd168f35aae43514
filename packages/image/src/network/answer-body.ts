import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { ImageError } from '../image-error.ts'
import { decoderFor, hasZlibHeader, rawInflate } from './content-coding.ts'
import type { HopAnswer } from './exchange.ts'

/**
 * The body of an answer as it arrives, decoded. It ends where the origin said that it ends, or throws.
 * What it may be is checked before the first byte is read.
 * @throws ImageError `encoding`, `size` at once; `encoding`, `size`, `truncated` and the reason of `signal` while reading
 */
export function answerBody(
  answer: HopAnswer,
  limitBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  try {
    const decoder = decoderFor(answer.headers.get('content-encoding'))
    const announced = Number(answer.headers.get('content-length') ?? 0)
    if (announced > limitBytes) throw tooLarge(limitBytes)
    return decoder === undefined
      ? arriving(answer.message, limitBytes, signal)
      : decoded(answer.message, decoder, limitBytes, signal)
  } catch (error) {
    answer.message.destroy()
    throw error
  }
}

async function* arriving(
  message: IncomingMessage,
  limitBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let bytes = 0
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > limitBytes) throw tooLarge(limitBytes)
      yield chunk
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw error instanceof ImageError ? error : truncated(error)
  } finally {
    // Also where whoever reads leaves early: an unread body would hold its connection.
    if (!message.complete) message.destroy()
  }
  if (signal.aborted) throw signal.reason
  if (!message.complete) throw truncated(undefined)
}

async function* decoded(
  message: IncomingMessage,
  decoder: () => Transform,
  limitBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const raw = arriving(message, limitBytes, signal)
  const first = await raw.next()
  if (first.done) return
  const unwrapped =
    message.headers['content-encoding']?.trim().toLowerCase() === 'deflate' &&
    !hasZlibHeader(first.value)
  const stream = unwrapped ? rawInflate() : decoder()
  // What fails before the decoder is told as it is; what fails in it is a broken coding.
  let arrivalFailure: unknown
  // Whoever iterates hears of its errors; where nobody does any more, they are nobody's.
  stream.on('error', () => {})
  const arrived = feed(first.value, raw, stream).catch((error: unknown) => {
    arrivalFailure = error
    stream.destroy(error as Error)
  })
  let bytes = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > limitBytes) throw tooLarge(limitBytes)
      yield chunk
    }
    // The coding may end before the body does: what follows is not used, and counts.
    await arrived
    if (arrivalFailure !== undefined) throw arrivalFailure
  } catch (error) {
    if (arrivalFailure !== undefined) throw arrivalFailure
    if (signal.aborted) throw signal.reason
    if (error instanceof ImageError) throw error
    throw new ImageError('encoding', 'the Content-Encoding of the body is broken', { cause: error })
  } finally {
    stream.destroy()
    if (!message.complete) message.destroy()
  }
}

/** Writes all that arrives into a decoder for as long as it takes it, and lets the rest arrive all the same. */
async function feed(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
  stream: Transform,
): Promise<void> {
  const write = (chunk: Uint8Array) =>
    new Promise<void>((resolve) => {
      if (stream.destroyed || stream.write(chunk)) return resolve()
      const ready = () => {
        stream.off('drain', ready)
        stream.off('close', ready)
        resolve()
      }
      // A decoder that has seen the end of its coding never wants more: it is closed once it has been read.
      stream.on('drain', ready)
      stream.on('close', ready)
    })
  await write(first)
  for await (const chunk of rest) await write(chunk)
  if (!stream.destroyed) stream.end()
}

function tooLarge(limitBytes: number): ImageError {
  return new ImageError('size', `expected at most ${limitBytes} bytes; see limits.bytes`)
}

function truncated(cause: unknown): ImageError {
  return new ImageError('truncated', 'the body ended before the end that was announced', { cause })
}
