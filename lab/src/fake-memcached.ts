import { createServer, type Socket } from 'node:net'

/** A request of the binary protocol. */
export interface FakeRequest {
  readonly opcode: number
  readonly opaque: number
  readonly key: string
  readonly value: Buffer
}

/** One connection to the fake server, for a script to answer on, or not. */
export interface FakeConnection {
  /** Counts connections from 0. */
  readonly index: number
  write(bytes: Buffer | string): void
  /** An orderly end: FIN. */
  end(): void
  /** RST. */
  reset(): void
  readonly closed: boolean
}

export interface FakeMemcached {
  readonly port: number
  /** How many connections were ever accepted, and how many stand now. */
  readonly accepted: number
  readonly standing: number
  /** How many were ended or reset by their clients. */
  readonly ended: number
  stop(): Promise<void>
}

export type FakeScript = (request: FakeRequest, connection: FakeConnection) => void

/**
 * A server that takes the binary protocol apart and lets a script answer, for what a real server and a proxy cannot be
 * brought to do. NOOPs by which a client asks for a sign of life at its connect are answered before the script is asked.
 */
export async function startFakeMemcached(script: FakeScript): Promise<FakeMemcached> {
  const sockets = new Set<Socket>()
  let accepted = 0
  let ended = 0
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection: FakeConnection = {
      index: accepted++,
      write: (bytes) => void (socket.destroyed || socket.write(bytes)),
      end: () => void socket.end(),
      reset: () => void socket.resetAndDestroy(),
      get closed() {
        return socket.destroyed
      },
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    let hasEnded = false
    const end = () => {
      if (!hasEnded) ended++
      hasEnded = true
    }
    socket.on('end', end)
    socket.on('error', end)
    let received: Buffer = Buffer.alloc(0)
    let isFirst = true
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 24) {
        const end = 24 + received.readUInt32BE(8)
        if (received.length < end) break
        const request = requestOf(received.subarray(0, end))
        received = received.subarray(end)
        const isGreeting = isFirst && request.opcode === 0x0a
        isFirst = false
        if (isGreeting) connection.write(fakeReply(request))
        else script(request, connection)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
  return {
    port: address.port,
    get accepted() {
      return accepted
    },
    get standing() {
      return sockets.size
    },
    get ended() {
      return ended
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface FakeReplyParts {
  readonly opcode?: number
  readonly opaque?: number
  readonly status?: number
  readonly key?: string
  readonly value?: Buffer | string
  readonly cas?: bigint
}

/** A reply to a request. A value makes it one of a get: with its flags, and with the key where it was asked for by key. */
export function fakeReply(request: FakeRequest, parts: FakeReplyParts = {}): Buffer {
  const { opcode = request.opcode, opaque = request.opaque, status = 0, cas = 1n } = parts
  const isKeyed = opcode === 0x0c || opcode === 0x0d
  const isHit = parts.value !== undefined && status === 0
  const key = isHit && isKeyed ? (parts.key ?? request.key) : ''
  const body = Buffer.concat([
    Buffer.alloc(isHit ? 4 : 0),
    Buffer.from(key),
    Buffer.from(parts.value ?? ''),
  ])
  const head = Buffer.alloc(24)
  head[0] = 0x81
  head[1] = opcode
  head.writeUInt16BE(key.length, 2)
  head[4] = isHit ? 4 : 0
  head.writeUInt16BE(status, 6)
  head.writeUInt32BE(body.length, 8)
  head.writeUInt32BE(opaque, 12)
  head.writeBigUInt64BE(cas, 16)
  return Buffer.concat([head, body])
}

/** Answers like a server on which every key has the value that `valueFor` gives it. */
export function answerGets(
  request: FakeRequest,
  connection: FakeConnection,
  valueFor: (key: string) => Buffer | string | undefined,
): void {
  const isGet = [0x00, 0x0c, 0x0d].includes(request.opcode)
  const value = isGet ? valueFor(request.key) : undefined
  if (request.opcode === 0x0d && value === undefined) return
  if (!isGet) connection.write(fakeReply(request))
  else if (value === undefined)
    connection.write(fakeReply(request, { status: 1, value: 'Not found' }))
  else connection.write(fakeReply(request, { value }))
}

function requestOf(bytes: Buffer): FakeRequest {
  const keyFrom = 24 + bytes[4]!
  const keyEnd = keyFrom + bytes.readUInt16BE(2)
  return {
    opcode: bytes[1]!,
    opaque: bytes.readUInt32BE(12),
    key: bytes.toString('latin1', keyFrom, keyEnd),
    value: Buffer.from(bytes.subarray(keyEnd)),
  }
}
