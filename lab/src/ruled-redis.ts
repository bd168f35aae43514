import { connect, createServer, type Socket } from 'node:net'
import { encodeCommand, splitFrames } from './resp.ts'

/** What a rule makes of a command: an answer of its own, other arguments, or `undefined` to let it pass as it is. */
export type Ruling =
  | { readonly answer: string | Buffer }
  | { readonly args: readonly (string | Buffer)[] }
  | undefined

export type Rule = (command: string, args: readonly Buffer[], port: number) => Ruling

export interface RuledRedis {
  readonly port: number
  /** All commands that came, with their names in upper case. */
  readonly commands: readonly { readonly name: string; readonly args: readonly Buffer[] }[]
  stop(): Promise<void>
}

/**
 * A real server behind rules of another one: what that other one refuses or does otherwise is answered here, everything
 * else by the server. For engines and services that cannot be started where the tests run.
 */
export async function startRuledRedis(upstreamPort: number, rule: Rule): Promise<RuledRedis> {
  const commands: { name: string; args: Buffer[] }[] = []
  const sockets = new Set<Socket>()
  let port = 0
  const server = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => undefined)
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    /** In the order of the commands: an answer of our own, or `undefined` for the server's next one. */
    const owed: (Buffer | undefined)[] = []
    const sayOwn = () => {
      while (owed.length > 0 && owed[0] !== undefined) client.write(owed.shift() as Buffer)
    }
    const clientFrames = framesOf()
    client.on('data', (chunk: Buffer) => {
      const frames = clientFrames(chunk)
      for (const frame of frames) {
        const [name, ...args] = partsOf(frame)
        const command = String(name).toUpperCase()
        commands.push({ name: command, args })
        const ruling = rule(command, args, port)
        if (ruling !== undefined && 'answer' in ruling) owed.push(Buffer.from(ruling.answer))
        else {
          owed.push(undefined)
          upstream.write(ruling === undefined ? frame : encodeCommand([command, ...ruling.args]))
        }
      }
      sayOwn()
    })
    const serverFrames = framesOf()
    upstream.on('data', (chunk: Buffer) => {
      const frames = serverFrames(chunk)
      for (const frame of frames) {
        client.write(frame)
        // Messages come unasked, and so do the answers to what subscribes.
        const isPush = frame[0] === '>'.charCodeAt(0)
        if (!isPush || /subscribe\r\n/.test(frame.toString('latin1', 0, 40))) owed.shift()
        sayOwn()
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
  port = address.port
  return {
    port,
    commands,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Collects chunks until they hold whole frames; a large one is looked at a few times, not at each of its chunks. */
function framesOf(): (chunk: Buffer) => Buffer[] {
  let chunks: Buffer[] = []
  let length = 0
  let lookAt = 0
  return (chunk) => {
    chunks.push(chunk)
    length += chunk.length
    // A chunk that is not full is the last one that is there.
    if (chunk.length === 65_536 && length < lookAt) return []
    const { frames, rest } = splitFrames(Buffer.concat(chunks))
    chunks = [Buffer.from(rest)]
    length = rest.length
    lookAt = 2 * length
    return frames
  }
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

export const refuse = (text: string): Ruling => ({ answer: `-${text}\r\n` })
/** One range of slots on one node, as an emulated or virtual cluster says. */
export const oneNode = (port: number): Ruling => ({
  answer: `*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:${port}\r\n$4\r\nnode\r\n`,
})

const unavailableServerless = new Set(
  'ACL BGREWRITEAOF BGSAVE CONFIG DEBUG MIGRATE MODULE MONITOR PSYNC REPLICAOF SAVE SHUTDOWN SLAVEOF SWAPDB SYNC'.split(
    ' ',
  ),
)

/**
 * What ElastiCache Serverless does otherwise, as AWS documents it ("Valkey and Redis OSS configuration and limits",
 * "Supported and restricted commands"): a cluster whose slots all lie on one virtual node, at most 3,999 arguments, no
 * command across slots, no administration.
 */
export function serverlessRules(slotOf: (key: string) => number): Rule {
  return (command, args, port) => {
    if (unavailableServerless.has(command))
      return refuse(`ERR unknown command '${command.toLowerCase()}'`)
    if (args.length + 1 > 3_999) return refuse('ERR too many arguments')
    if (command === 'CLUSTER' && args[0]!.toString().toUpperCase() === 'SLOTS') return oneNode(port)
    if (command === 'SELECT' && args[0]!.toString() !== '0')
      return refuse('ERR SELECT is not allowed in cluster mode')
    if (command === 'MGET' || command === 'DEL') {
      if (new Set(args.map((name) => slotOf(name.toString()))).size > 1)
        return refuse("CROSSSLOT Keys in request don't hash to the same slot")
    }
    return undefined
  }
}

/** What Redis 6.2 does not know yet of what is used of Redis 7. */
export const redis62Rules: Rule = (command, args) => {
  if (command === 'SPUBLISH' || command === 'SSUBSCRIBE')
    return refuse(`ERR unknown command \`${command}\`, with args beginning with: `)
  const words = args.map((arg) => arg.toString('latin1').toUpperCase())
  const isBoth = words.includes('NX', 2) && words.includes('GET', 2)
  return command === 'SET' && isBoth ? refuse('ERR syntax error') : undefined
}
