import type { AddressInfo } from 'node:net'
import { createCache } from '@holdfast/core'
import { createApp, policies } from './app.ts'
import { productTable } from './products.ts'

const cache = createCache({ name: 'products', policies })
const app = createApp(cache, productTable())

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(`Listening. In another terminal:

  curl http://127.0.0.1:${port}/products/p1
  curl http://127.0.0.1:${port}/explain/api:products:detail:p1
  curl -X PUT -H 'content-type: application/json' -d '{"priceCents":1}' http://127.0.0.1:${port}/products/p1/price
  curl http://127.0.0.1:${port}/products/p1

Ctrl-C ends it.`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => void cache.close())
  })
}
