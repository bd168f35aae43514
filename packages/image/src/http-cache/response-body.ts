/** A body that has been read whole, or what is left of one that is larger than the limit, its first bytes included. */
export type ReadBody =
  | { readonly whole: Uint8Array }
  | { readonly stream: ReadableStream<Uint8Array> }

/**
 * Reads a body up to `limitBytes`. A larger one is not read on: it is handed out as a stream that begins with what has
 * been read, so that nobody waits for it twice.
 */
export async function readBody(response: Response, limitBytes: number): Promise<ReadBody> {
  if (response.body === null) return { whole: new Uint8Array() }
  const announced = Number(response.headers.get('content-length') ?? 0)
  if (announced > limitBytes) return { stream: response.body }
  const reader = response.body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { whole: joined(chunks, length) }
    chunks.push(value)
    length += value.byteLength
    if (length > limitBytes) return { stream: continued(chunks, reader) }
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}

function continued(
  chunks: Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const first = chunks.shift()
      if (first !== undefined) return controller.enqueue(first)
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

/**
 * Whether a body that ended without an error is all of it. A coded body was decoded on its way, so its announced
 * length says nothing of it.
 */
export function isComplete(response: Response, body: Uint8Array): boolean {
  const announced = response.headers.get('content-length')
  if (announced === null || response.headers.get('content-encoding')) return true
  return Number(announced) === body.byteLength
}

/** The same stream, given up when `signal` aborts. A signal may outlive many streams: at the end of this one it is let go of. */
export function untilAborted(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
  giveUp: (reason: unknown) => void,
): ReadableStream<Uint8Array> {
  if (signal === undefined) return stream
  const abort = () => giveUp(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  const letGo = () => signal.removeEventListener('abort', abort)
  const reader = stream.getReader()
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        letGo()
        controller.close()
      } catch (error) {
        letGo()
        throw signal.aborted ? signal.reason : error
      }
    },
    cancel(reason) {
      letGo()
      return reader.cancel(reason)
    },
  })
}

/** Gives up a body that nobody wants. Not waited for: where somebody else reads a copy of it, that ends with theirs. */
export function discard(response: Response): void {
  response.body?.cancel().catch(() => {})
}
