import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import { type Connecting, connect } from './connect.ts'

/** How long a connection that nobody uses is kept for the next request. */
const idleMs = 4_000

type Connected = (error: Error | null, socket?: Duplex) => void

/**
 * The connections of one policy. They are shared with no other, so that a strict policy never rides on a connection that
 * a lax one opened; and no proxy of the environment is asked, which would look names up itself.
 */
export interface Agents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
  /** Closes what is idle now: all of it, or the connections to one host and port. */
  dropIdle(host?: string, port?: number): void
  /** Closes what is idle now and the rest when it becomes idle. */
  retire(): void
}

export function createAgents(under: Connecting): Agents {
  const options: AgentOptions = { keepAlive: true, timeout: idleMs, maxFreeSockets: 8 }
  const http = new HttpAgent(options)
  const https = new HttpsAgent(options)
  for (const [agent, secure] of [
    [http, false],
    [https, true],
  ] as const) {
    const open = ({ host, port }: { host?: string; port?: number | string }, done: Connected) => {
      const endpoint = { host: String(host), port: Number(port), secure }
      connect(endpoint, under).then(
        (socket) => done(null, socket),
        (error: unknown) => done(error as Error),
      )
    }
    // Node waits for the callback where nothing is returned.
    agent.createConnection = open as unknown as HttpAgent['createConnection']
  }
  const dropIdle = (host?: string, port?: number) => {
    for (const agent of [http, https]) {
      for (const [name, sockets] of Object.entries(agent.freeSockets)) {
        // The names of both agents begin like this, and go on with what TLS was asked for.
        if (host !== undefined && !name.startsWith(`${host}:${port}:`)) continue
        for (const socket of sockets ?? []) socket.destroy()
      }
    }
  }
  return {
    http,
    https,
    dropIdle,
    retire() {
      http.maxFreeSockets = 0
      https.maxFreeSockets = 0
      dropIdle()
    },
  }
}
