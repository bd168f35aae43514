/**
 * As much of the Redis protocol (RESP2 and RESP3, https://redis.io/docs/latest/develop/reference/protocol-spec/) as a
 * lab needs: where a reply ends, what an administrative command answers, how a command looks on the wire.
 */

export type Reply = string | number | null | Error | Reply[]

const crlf = Buffer.from('\r\n')

/** The end of the frame that starts at `from`, or -1 while it is incomplete. */
export function frameEnd(bytes: Buffer, from = 0): number {
  const lineEnd = bytes.indexOf(crlf, from)
  if (lineEnd < 0) return -1
  const next = lineEnd + 2
  const type = String.fromCharCode(bytes[from]!)
  if ('+-:_,#('.includes(type)) return next
  const length = Number(bytes.toString('latin1', from + 1, lineEnd))
  if ('$!='.includes(type)) {
    if (length < 0) return next
    return next + length + 2 <= bytes.length ? next + length + 2 : -1
  }
  if ('*~>%'.includes(type)) {
    let end = next
    const parts = Math.max(0, length) * (type === '%' ? 2 : 1)
    for (let part = 0; part < parts; part++) {
      end = frameEnd(bytes, end)
      if (end < 0) return -1
    }
    return end
  }
  throw new Error(`no frame of RESP begins with the byte ${bytes[from]}`)
}

/** The complete frames at the start of `bytes`, and what is left. */
export function splitFrames(bytes: Buffer): { frames: Buffer[]; rest: Buffer } {
  const frames: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    const end = frameEnd(bytes, at)
    if (end < 0) break
    frames.push(bytes.subarray(at, end))
    at = end
  }
  return { frames, rest: bytes.subarray(at) }
}

/** A command as clients send it. */
export function encodeCommand(args: readonly (string | Uint8Array)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)]
  for (const arg of args) {
    const bytes = Buffer.from(arg as string)
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, crlf)
  }
  return Buffer.concat(parts)
}

/** The value of one complete RESP2 frame; strings as UTF-8. */
export function decodeReply(frame: Buffer): Reply {
  return decodeAt(frame, 0).value
}

function decodeAt(bytes: Buffer, from: number): { value: Reply; end: number } {
  const lineEnd = bytes.indexOf(crlf, from)
  const line = bytes.toString('utf8', from + 1, lineEnd)
  const next = lineEnd + 2
  switch (String.fromCharCode(bytes[from]!)) {
    case '+':
      return { value: line, end: next }
    case '-':
      return { value: new Error(line), end: next }
    case ':':
      return { value: Number(line), end: next }
    case '$': {
      const length = Number(line)
      if (length < 0) return { value: null, end: next }
      return { value: bytes.toString('utf8', next, next + length), end: next + length + 2 }
    }
    case '*': {
      const values: Reply[] = []
      let end = next
      for (let part = 0; part < Number(line); part++) {
        const decoded = decodeAt(bytes, end)
        values.push(decoded.value)
        end = decoded.end
      }
      return { value: values, end }
    }
    default:
      throw new Error(`no frame of RESP2 begins with the byte ${bytes[from]}`)
  }
}
