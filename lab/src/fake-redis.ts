import { createServer, type Socket } from 'node:net'
import { encodeCommand, frameEnd } from './resp.ts'

/** What a fake server answers: bytes as they go over the wire, `undefined` for nothing at all. */
export type FakeAnswer = (command: string, args: readonly Buffer[]) => string | Buffer | undefined

export interface FakeRedis {
  readonly port: number
  /** All commands that came, with their names in upper case. */
  readonly commands: readonly { readonly name: string; readonly args: readonly Buffer[] }[]
  /** Changes the answers from the next command on. */
  answerWith(answer: FakeAnswer): void
  stop(): Promise<void>
}

/**
 * A server that speaks the protocol and says what a test wants: for refusals that a real server gives only in states
 * which cannot be brought about. It lets everybody in, and answers `+OK` or `+PONG` unless it is told otherwise.
 */
export async function startFakeRedis(first: FakeAnswer = () => undefined): Promise<FakeRedis> {
  const commands: { name: string; args: Buffer[] }[] = []
  const sockets = new Set<Socket>()
  let answer = first
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    let received: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      for (let end = frameEnd(received); end > 0; end = frameEnd(received)) {
        const [name, ...args] = partsOf(received.subarray(0, end))
        received = received.subarray(end)
        const command = String(name).toUpperCase()
        commands.push({ name: command, args })
        const said = answer(command, args) ?? greeting(command, args)
        if (said !== undefined) socket.write(said)
        if (received.length === 0) break
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
  return {
    port: address.port,
    commands,
    answerWith(next) {
      answer = next
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A reply of one bulk string. */
export const bulk = (bytes: string | Uint8Array) =>
  encodeCommand([bytes]).subarray(encodeCommand(['']).indexOf('$'))

function greeting(command: string, args: readonly Buffer[]): string | Buffer {
  // Old servers do not know HELLO, and every client goes on without it.
  if (command === 'HELLO') return "-ERR unknown command 'HELLO'\r\n"
  if (command !== 'PING') return '+OK\r\n'
  return args[0] === undefined ? '+PONG\r\n' : bulk(args[0])
}

/** The parts of a command, which is an array of bulk strings. */
function partsOf(frame: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let at = frame.indexOf('\r\n') + 2
  while (at < frame.length) {
    const lineEnd = frame.indexOf('\r\n', at)
    const length = Number(frame.toString('latin1', at + 1, lineEnd))
    parts.push(Buffer.from(frame.subarray(lineEnd + 2, lineEnd + 2 + length)))
    at = lineEnd + 2 + length + 2
  }
  return parts
}
