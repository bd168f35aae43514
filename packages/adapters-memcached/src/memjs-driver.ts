import { BinaryItem } from './binary-item.ts'
import { encodeRequests, opcodes, type Packet, type Request, statuses } from './binary-packet.ts'
import { refusal } from './binary-status.ts'
import { failed, fault, type Place } from './connection-errors.ts'
import type { CompareAndSetOutcome, Driver, Item } from './driver.ts'
import { GetBatcher } from './get-batcher.ts'
import { MemjsClient } from './memjs-client.ts'
import { MemjsGets } from './memjs-gets.ts'
import { MemjsServer, type MemjsServerOptions } from './memjs-server.ts'

/** One server over memjs's client and the binary protocol. */
export class MemjsDriver implements Driver {
  readonly address: string
  readonly #place: Place
  readonly #client: MemjsClient
  readonly #gets: GetBatcher

  constructor(options: MemjsServerOptions) {
    this.#place = options.place
    this.address = options.place.server
    const server = new MemjsServer(options)
    // From anywhere, so that a reply meant for another process does not fit by chance.
    this.#client = new MemjsClient(server, Math.floor(options.clock.random() * 2 ** 32))
    this.#gets = new GetBatcher(new MemjsGets(this.#client, server, options.place))
  }

  get(key: string): Promise<Item | undefined> {
    return isLegal(key) ? this.#gets.get(key) : this.#illegal('get', key)
  }

  getMany(keys: readonly string[]): Promise<(Item | undefined)[]> {
    const wrong = keys.find((key) => !isLegal(key))
    return wrong === undefined ? this.#gets.getMany(keys) : this.#illegal('get', wrong)
  }

  set(key: string, value: Uint8Array, expiry: number, flags = 0): Promise<void> {
    return this.#one('set', { opcode: opcodes.set, key, value, expiry, flags }, (status) =>
      status === statuses.ok ? true : undefined,
    ).then(nothing)
  }

  add(key: string, value: Uint8Array, expiry: number, flags = 0): Promise<boolean> {
    return this.#one('add', { opcode: opcodes.add, key, value, expiry, flags }, (status) =>
      status === statuses.ok ? true : status === statuses.exists ? false : undefined,
    )
  }

  addOrGet(
    key: string,
    value: Uint8Array,
    expiry: number,
    flags = 0,
  ): Promise<'stored' | 'gone' | Item> {
    if (!isLegal(key)) return this.#illegal('add', key)
    return new Promise((resolve, reject) => {
      let outcome: 'stored' | 'gone' | Item = 'stored'
      const encode = (opaque: number) =>
        encodeRequests([
          { opcode: opcodes.addQuietly, opaque, key, value, expiry, flags },
          { opcode: opcodes.getKeyQuietly, opaque, key },
          { opcode: opcodes.noop, opaque },
        ])
      const onReply = (packet: Packet) => {
        if (packet.opcode === opcodes.noop) resolve(outcome)
        else if (packet.opcode === opcodes.addQuietly && packet.status === statuses.exists) {
          outcome = 'gone'
        } else if (packet.status !== statuses.ok) {
          reject(failed(this.#place, 'add', refusal(packet.status)))
        } else if (outcome === 'gone') {
          outcome = new BinaryItem(packet)
        }
      }
      this.#client.many(encode, onReply, reject)
    })
  }

  compareAndSet(
    key: string,
    value: Uint8Array,
    expiry: number,
    cas: bigint,
    flags = 0,
  ): Promise<CompareAndSetOutcome> {
    const request = { opcode: opcodes.set, key, value, expiry, flags, cas }
    return this.#one('compareAndSet', request, (status) => casOutcomes[status])
  }

  delete(key: string): Promise<boolean> {
    return this.#one('delete', { opcode: opcodes.delete, key }, isThere)
  }

  touch(key: string, expiry: number): Promise<boolean> {
    return this.#one('touch', { opcode: opcodes.touch, key, expiry }, isThere)
  }

  stats(section = ''): Promise<Map<string, string>> {
    return new Promise((resolve, reject) => {
      const stats = new Map<string, string>()
      const encode = (opaque: number) =>
        encodeRequests([{ opcode: opcodes.stat, opaque, key: section }])
      const onReply = (packet: Packet) => {
        if (packet.status === statuses.missing) resolve(stats)
        else if (packet.status !== statuses.ok) {
          reject(failed(this.#place, 'stats', refusal(packet.status)))
        } else if (packet.totalBodyLength === 0) resolve(stats)
        else stats.set(packet.key.toString('latin1'), packet.val.toString('latin1'))
      }
      this.#client.many(encode, onReply, reject)
    })
  }

  version(): Promise<string> {
    return this.#one('version', { opcode: opcodes.version }, (status, packet) =>
      status === statuses.ok ? packet.val.toString('latin1') : undefined,
    )
  }

  async close(): Promise<void> {
    this.#client.close()
  }

  /** To such a key the server answers by closing the connection, on all that wait for it. */
  #illegal(operation: string, key: string): Promise<never> {
    const reason = `a key expects 1 to ${maxKeyBytes} bytes, not ${key.length}`
    return Promise.reject(failed(this.#place, operation, fault('invalid-key', reason)))
  }

  /** One request with one reply. Where `read` makes nothing of it, the server has refused. */
  #one<T>(
    operation: string,
    request: Omit<Request, 'opaque'>,
    read: (status: number, packet: Packet) => T | undefined,
  ): Promise<T> {
    const { key } = request
    if (key !== undefined && !isLegal(key)) return this.#illegal(operation, key)
    return new Promise((resolve, reject) => {
      const onReply = (packet: Packet) => {
        const outcome = read(packet.status, packet)
        if (outcome !== undefined) resolve(outcome)
        else reject(failed(this.#place, operation, refusal(packet.status)))
      }
      this.#client.one((opaque) => encodeRequests([{ ...request, opaque }]), onReply, reject)
    })
  }
}

const maxKeyBytes = 250
const isLegal = (key: string) => key.length > 0 && key.length <= maxKeyBytes

const nothing = () => {}

const casOutcomes: Readonly<Record<number, CompareAndSetOutcome>> = {
  [statuses.ok]: 'stored',
  [statuses.exists]: 'exists',
  [statuses.missing]: 'missing',
}

const isThere = (status: number): boolean | undefined =>
  status === statuses.ok ? true : status === statuses.missing ? false : undefined
