import { createServer, type Server } from 'node:net'

/**
 * Free loopback ports, all different: every one is held open until all are found, since a port that was let go may be
 * handed out again at once.
 */
export async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(Array.from({ length: count }, hold))
  const ports = holders.map((holder) => {
    const address = holder.address()
    if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
    return address.port
  })
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))))
  return ports
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port!
}

function hold(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
