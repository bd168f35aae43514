import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { answer } from '@holdfast/lab/client-protocol'
import { type Act, type Handler, sessionCandidates } from './session-candidates.ts'

/* An application with one way to its sessions in a process of its own: `session-process.ts <name> <port of Redis>`. */

interface App extends RequestListener {
  disable(setting: string): App
  use(handler: Handler): App
  get(path: string, handler: Handler): App
}
const express = createRequire(import.meta.url)('express') as () => App

const [name, port] = process.argv.slice(2)
const candidate = sessionCandidates.find((each) => each.name === name)
if (candidate === undefined) throw new Error(`there is no candidate '${name}'`)
const { middleware, start, act } = await candidate.open(Number(port))

/** About 2 KB, as a session of a shop is. */
const fields = {
  permissions: ['read', 'write', 'invoice', 'support'],
  metadata: Object.fromEntries(
    Array.from({ length: 24 }, (_, index) => [`field-${index}`, 'value '.repeat(10)]),
  ),
}
let users = 0
const app = express().disable('x-powered-by').disable('etag').use(middleware)
app.get('/start', (request, response) => {
  start(request, { ...fields, user_id: `user-${++users}` })
  response.send('started')
})
for (const each of ['look', 'change'] satisfies Act[]) {
  app.get(`/${each}`, (request, response) => {
    response.send(`views ${act(request, each)}`)
  })
}
const server = createServer(app)
server.keepAliveTimeout = 60_000
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

answer({
  port: () => (server.address() as AddressInfo).port,
  /** CPU time that this process has used, in microseconds. */
  cpuUs() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
})
