import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { DialTarget, LookedUp, NetworkSeam } from '../../src/network/seam.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server on loopback that stands for the whole network: whatever address is dialled, it answers. */
export interface CaseOrigin {
  readonly port: number
  /** The way out of the process that leads here. */
  readonly seam: NetworkSeam
  /** What was dialled, in order. */
  readonly dialled: DialTarget[]
  /** Names that were looked up, in order. */
  readonly lookedUp: string[]
  /** Requests that came, in order. */
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[]
  /** Bytes that went over its sockets towards the client. */
  readonly bytesRead: () => number
  /** Answers of successive look-ups by name; others lead to a public address. */
  dns: Record<string, readonly (readonly string[] | Error)[]>
  close(): Promise<void>
}

export const publicAddress = '93.184.216.34'

export async function caseOrigin(answer: Answer): Promise<CaseOrigin> {
  const requests: CaseOrigin['requests'] = []
  const server: Server = createServer((request, response) => {
    requests.push({ url: `http://${request.headers.host}${request.url}`, headers: request.headers })
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  const origin: CaseOrigin = {
    port,
    dialled: [],
    lookedUp: [],
    requests,
    dns: {},
    bytesRead: () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0),
    seam: {
      async lookup(hostname): Promise<LookedUp[]> {
        const before = origin.lookedUp.filter((name) => name === hostname).length
        origin.lookedUp.push(hostname)
        const answers = origin.dns[hostname]
        const given = answers?.[Math.min(before, answers.length - 1)] ?? [publicAddress]
        if (given instanceof Error) throw given
        return given.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      },
      dial(target) {
        origin.dialled.push(target)
        const socket = connect({ host: '127.0.0.1', port })
        sockets.push(socket)
        return socket
      },
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return origin
}
