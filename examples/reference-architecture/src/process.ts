import type { AddressInfo } from 'node:net'
import { answer } from '@holdfast/lab/client-protocol'
import type { Addresses } from './addresses.ts'
import { answersOn } from './answers.ts'
import { listen } from './events.ts'
import { servicesAt } from './services.ts'
import { sessionsOn } from './sessions.ts'
import { createShop } from './shop.ts'

/*
 * One process of the shop. The five lines that matter are the next five; the rest answers the story's questions, and
 * is what your own process has for its health check and its SIGTERM.
 */
const addresses = JSON.parse(process.argv[2] ?? '{}') as Addresses
const { sessions, store: redis } = sessionsOn(addresses)
const { answers, store: memcached } = answersOn(addresses)
const listener = listen(answers, addresses)
const shop = createShop(sessions, answers, servicesAt(addresses.services))

// What is reported here was not lost for whoever asked: a 503, or an invalidation that is tried again.
sessions.on('error', () => {})
answers.on('error', () => {})

const server = shop.listen(0, '127.0.0.1')
const listening = new Promise((resolve) => server.once('listening', resolve))

answer({
  async port() {
    await listening
    return (server.address() as AddressInfo).port
  },
  hearsEvents: () => listener.events.health().status === 'up',
  heard: () => listener.events.stats().events,
  sessionStats: () => sessions.stats(),
  answerStats: () => answers.stats(),
  /** The Memcached server of each key. */
  serversOf: (keys: string[]) => keys.map((key) => memcached.explain(key).server),
  async close() {
    server.close()
    server.closeAllConnections()
    await listener.close()
    await answers.close()
    await memcached.close()
    await redis.close()
  },
})
