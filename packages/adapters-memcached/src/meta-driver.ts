import { Connection, type ConnectionOptions } from './connection.ts'
import { failed } from './connection-errors.ts'
import type { CompareAndSetOutcome, Driver, Item } from './driver.ts'
import { GetBatcher } from './get-batcher.ts'
import { MetaGets } from './meta-gets.ts'
import { metaGreeting } from './meta-greeting.ts'
import { MetaFlagged, type Refuse, TextLines } from './meta-operations.ts'
import { MetaParser, type MetaReply } from './meta-parser.ts'
import { MetaAddOrGet, MetaStore, type Storing } from './meta-storing.ts'
import type { Credentials } from './sasl.ts'

export interface MetaDriverOptions extends ConnectionOptions {
  readonly credentials?: Credentials | undefined
  /** No reply may be longer. */
  readonly maxReplyBytes: number
}

/**
 * A server by Memcached's meta commands (doc/protocol.txt, "Meta commands", Memcached 1.6 or later): text, one command
 * a line, each with a number that its reply repeats.
 */
export function metaDriver(options: MetaDriverOptions): Driver {
  const { place, credentials, maxReplyBytes, clock } = options
  const refuse: Refuse = (operation, why) => failed(place, operation, why)
  const connection = new Connection<MetaReply>(options, {
    createParser(tell) {
      const parser = new MetaParser(tell, maxReplyBytes)
      return (chunk) => parser.push(chunk)
    },
    prepareGreeting: (ending) => metaGreeting(credentials, clock, ending),
  })
  const gets = new GetBatcher({
    get unanswered() {
      return connection.unanswered
    },
    ask: (operation, keys, answers) =>
      connection.send(new MetaGets(operation, keys, refuse, answers)),
    flush: () => connection.flush(),
  })

  const store = (operation: string, storing: Storing) =>
    new Promise<CompareAndSetOutcome>((resolve, reject) => {
      connection.send(new MetaStore(operation, storing, refuse, resolve, reject))
    })
  const flagged = (operation: string, line: string) =>
    new Promise<boolean>((resolve, reject) => {
      connection.send(new MetaFlagged(operation, line, refuse, resolve, reject))
    })
  const lines = (operation: string, request: string, isLast: (line: string) => boolean) =>
    new Promise<string[]>((resolve, reject) => {
      connection.send(new TextLines(operation, request, isLast, refuse, resolve, reject))
    })

  return {
    address: place.server,
    get: (key) => gets.get(key),
    getMany: (keys) => gets.getMany(keys),
    async set(key, bytes, expiry, flags = 0) {
      await store('set', { key, bytes, expiry, flags })
    },
    async add(key, bytes, expiry, flags = 0) {
      return (await store('add', { key, bytes, expiry, flags, mode: 'E' })) === 'stored'
    },
    addOrGet: (key, bytes, expiry, flags = 0) =>
      new Promise<'stored' | 'gone' | Item>((resolve, reject) => {
        const storing: Storing = { key, bytes, expiry, flags, mode: 'E' }
        connection.send(new MetaAddOrGet(storing, refuse, resolve, reject))
      }),
    compareAndSet: (key, bytes, expiry, cas, flags = 0) =>
      store('replace', { key, bytes, expiry, flags, cas }),
    delete: (key) => flagged('delete', `md ${key}`),
    touch: (key, expiry) => flagged('touch', `mg ${key} T${expiry}`),
    async stats(section) {
      const request = section === undefined ? 'stats' : `stats ${section}`
      const stats = new Map<string, string>()
      for (const line of await lines('stats', request, (each) => each === 'END')) {
        const [, name, value] = /^STAT (\S+) (.*)$/.exec(line) ?? []
        if (name !== undefined) stats.set(name, value!)
      }
      return stats
    },
    async version() {
      const [line] = await lines('version', 'version', (each) => each.startsWith('VERSION '))
      return line!.slice('VERSION '.length)
    },
    async close() {
      connection.close()
    },
  }
}
