import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { type Framing, Lane } from './fault-lane.ts'
import type { LaneFaults, Scenario } from './fault-scenarios.ts'

export interface FaultProxyOptions {
  /** The server behind it: a loopback port or the path of a unix socket. */
  readonly upstream: { readonly port: number } | { readonly path: string }
  /** Needed for faults that strike single replies. The bytes have to be in clear. */
  readonly framing?: Framing
  /** Default: nothing goes wrong. */
  readonly scenario?: Scenario
  /** What jitter follows from. Default 1. */
  readonly seed?: number
}

/** A TCP proxy between a client and a server on which a network can go wrong. */
export interface FaultProxy {
  readonly port: number
  /** Changes the network, for standing connections too, from their next byte on. */
  use(scenario: Scenario): void
  /** Resets every standing connection. */
  resetAll(): void
  /** How many connections were ever accepted, and how many stand now. */
  readonly accepted: number
  readonly standing: number
  /** When each connection was accepted, in milliseconds of `performance.now()`. */
  readonly acceptedAt: readonly number[]
  /** All bytes that clients have sent, as far as they were recorded with `record`. */
  readonly recorded: Buffer
  record(on: boolean): void
  /** Refuses new connections by not listening; standing ones stay. */
  closePort(): Promise<void>
  openPort(): Promise<void>
  stop(): Promise<void>
}

const none: LaneFaults = {}

/** Starts a proxy on a free loopback port. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const random = congruence(options.seed ?? 1)
  const pairs = new Set<() => void>()
  const acceptedAt: number[] = []
  const recorded: Buffer[] = []
  let scenario: Scenario = {}
  let recording = false
  let port = 0

  const use = (next: Scenario) => {
    if (next.toClient?.replies !== undefined && options.framing === undefined) {
      throw new Error('faults of single replies need the framing of the protocol: give `framing`')
    }
    scenario = next
  }
  use(options.scenario ?? {})

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    acceptedAt.push(performance.now())
    client.on('error', ignore)
    if (scenario.connect === 'reset') {
      client.resetAndDestroy()
      return
    }
    if (scenario.connect === 'silent') {
      hold(client)
      return
    }
    join(client)
  })

  /** Accepted, read from, never answered. */
  const hold = (client: Socket) => {
    const end = () => client.destroy()
    pairs.add(end)
    client.on('data', record)
    client.on('close', () => pairs.delete(end))
    // Its own orderly end is all that such a client can reach.
    client.on('end', () => client.end())
  }

  const record = (chunk: Buffer) => {
    if (recording) recorded.push(Buffer.from(chunk))
  }

  const join = (client: Socket) => {
    const target: NetConnectOpts =
      'path' in options.upstream
        ? options.upstream
        : { port: options.upstream.port, host: '127.0.0.1' }
    const upstream = connect({ ...target, noDelay: true, allowHalfOpen: true } as NetConnectOpts)
    const reset = () => {
      client.resetAndDestroy()
      upstream.destroy()
    }
    const shared = { random, reset }
    const toServer = new Lane({
      ...shared,
      to: upstream,
      faults: () => scenario.toServer ?? none,
      framing: undefined,
      close: () => upstream.end(),
    })
    const toClient = new Lane({
      ...shared,
      to: client,
      faults: () => scenario.toClient ?? none,
      framing: options.framing,
      close: () => client.end(),
    })
    pairs.add(reset)
    client.on('data', (chunk: Buffer) => {
      record(chunk)
      toServer.feed(chunk)
    })
    upstream.on('data', (chunk: Buffer) => toClient.feed(chunk))
    client.on('end', () => toServer.end())
    upstream.on('end', () => {
      if (scenario.halfOpen !== true) toClient.end()
    })
    client.on('close', () => {
      pairs.delete(reset)
      upstream.destroy()
    })
    upstream.on('error', ignore)
    upstream.on('close', (hadError) => {
      if (scenario.halfOpen === true || client.destroyed) return
      // The server's reset is passed on as one; an orderly end was passed on above.
      if (hadError) client.resetAndDestroy()
    })
  }

  const openPort = () =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        const address = server.address()
        if (address !== null && typeof address === 'object') port = address.port
        resolve()
      })
    })
  await openPort()
  const closePort = async () => {
    // Standing connections would keep `close` from calling back; the port itself is free at once.
    server.close()
  }

  return {
    port,
    use,
    resetAll() {
      for (const reset of pairs) reset()
    },
    get accepted() {
      return acceptedAt.length
    },
    get standing() {
      return pairs.size
    },
    acceptedAt,
    get recorded() {
      return Buffer.concat(recorded)
    },
    record(on) {
      recording = on
    },
    closePort,
    openPort,
    async stop() {
      await closePort()
      for (const reset of pairs) reset()
    },
  }
}

const ignore = () => undefined

/** A linear congruence (Numerical Recipes, 7.1): enough for the jitter of a network. */
function congruence(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
}
