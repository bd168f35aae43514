import { createServer, type Server } from 'node:net'

/**
 * Where ports are looked for: below those that systems hand out to outgoing connections (from 32,768 on Linux, from
 * 49,152 elsewhere). A server that is killed and started again on its port would else now and then find some client's
 * connection sitting there.
 */
const lowest = 10_240
const highest = 32_767

/**
 * Free loopback ports, all different: every one is held open until all are found, since a port that was let go may be
 * found again at once.
 */
export async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(Array.from({ length: count }, hold))
  await Promise.all(holders.map(({ server }) => new Promise((resolve) => server.close(resolve))))
  return holders.map(({ port }) => port)
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port!
}

async function hold(): Promise<{ readonly port: number; readonly server: Server }> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1))
    const server = createServer()
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve)
      server.listen(port, '127.0.0.1', () => resolve(undefined))
    })
    if (error === undefined) return { port, server }
    // Somebody else's, or one that this system keeps for others.
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error
  }
}
