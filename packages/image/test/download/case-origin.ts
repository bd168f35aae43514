import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import type { DialTarget, LookedUp, NetworkSeam } from '../../src/network/seam.ts'

/** A server on loopback that stands for the whole network: whatever address is dialled, it answers. */
export interface LoopbackNetwork {
  readonly port: number
  /** The way out of the process that leads here. */
  readonly seam: NetworkSeam
  /** What was dialled, in order. */
  readonly dialled: DialTarget[]
  /** Names that were looked up, in order. */
  readonly lookedUp: string[]
  /** Answers of successive look-ups by name, the last one again and again; other names lead to a public address. */
  dns: Record<string, readonly (readonly string[] | Error)[]>
  /** Bytes that came over all connections. */
  bytesRead(): number
  /** Connections that are open now. */
  openConnections(): number
  close(): Promise<void>
}

export interface CaseOrigin extends LoopbackNetwork {
  /** Requests that came, in order. */
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[]
}

export const publicAddress = '93.184.216.34'

/** The network whose every address leads to `server`, which is started here and stopped by `close`. */
export async function loopbackNetwork(server: Server): Promise<LoopbackNetwork> {
  const incoming = new Set<Socket>()
  server.on('connection', (socket) => {
    incoming.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => incoming.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  const network: LoopbackNetwork = {
    port,
    dialled: [],
    lookedUp: [],
    dns: {},
    openConnections: () => incoming.size,
    bytesRead: () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0),
    seam: {
      async lookup(hostname): Promise<LookedUp[]> {
        const before = network.lookedUp.filter((name) => name === hostname).length
        network.lookedUp.push(hostname)
        const answers = network.dns[hostname]
        const given = answers?.[Math.min(before, answers.length - 1)] ?? [publicAddress]
        if (given instanceof Error) throw given
        return given.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      },
      dial(target) {
        network.dialled.push(target)
        const socket = connect({ host: '127.0.0.1', port })
        sockets.push(socket)
        return socket
      },
    },
    async close() {
      for (const socket of [...sockets, ...incoming]) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return network
}

/** A network whose every host answers with `answer`. */
export async function caseOrigin(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<CaseOrigin> {
  const requests: CaseOrigin['requests'] = []
  const server = createServer((request, response) => {
    requests.push({ url: `http://${request.headers.host}${request.url}`, headers: request.headers })
    answer(request, response)
  })
  return Object.assign(await loopbackNetwork(server), { requests })
}
