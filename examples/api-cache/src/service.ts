import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AirportApi } from './airports.ts'

export interface Service {
  url: string
  close(): Promise<void>
}

/** Serves an `AirportApi` over HTTP on a free port of the loopback interface. */
export async function serve(api: AirportApi): Promise<Service> {
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(api, request.url ?? '/')
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
  // 500 callers arrive at once; the usual backlog of 511 is too close to that.
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2_048 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answer(api: AirportApi, path: string): Promise<[status: number, body: unknown]> {
  try {
    const [, collection, id = '', detail = ''] = path.split('/')
    const found = await ask(api, `${collection}/${detail}`, id)
    return found === null ? [404, { error: 'not found' }] : [200, found]
  } catch (error) {
    return [502, { error: error instanceof Error ? error.message : 'failed' }]
  }
}

async function ask(api: AirportApi, route: string, id: string): Promise<unknown> {
  switch (route) {
    case 'airports/':
      return api.airport(id)
    case 'airports/nearby':
      return api.nearby(id)
    case 'countries/airports':
      return api.country(id)
    default:
      return null
  }
}
