import { connect } from 'node:net'
import type { Certificate } from './certificates.ts'
import { type Child, startChild, untilReady } from './child.ts'
import { freePort } from './free-ports.ts'
import { requireProgram } from './programs.ts'

export interface MemcachedServerOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Further arguments of memcached, for example `['-m', '8', '-M']`. */
  readonly args?: readonly string[]
  readonly tls?: Certificate
}

export interface MemcachedServer {
  readonly port: number
  readonly pid: number
  /** `127.0.0.1:port`, as clients write it. */
  readonly address: string
  log(): string
  running(): boolean
  kill(signal?: NodeJS.Signals): Promise<void>
  pause(): void
  resume(): void
  /** Starts it again on the same port, empty, after a `kill` or `stop`. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts a memcached of its own, TCP only, on the loopback interface. */
export async function startMemcached(
  options: MemcachedServerOptions = {},
): Promise<MemcachedServer> {
  const program = requireProgram('memcached')
  let port = options.port ?? (await freePort())

  const start = async (): Promise<Child> => {
    const child = await startChild(program, argsFor(options, port))
    await untilReady(child, 'memcached', () => accepts(port))
    return child
  }
  const startSomewhere = async (): Promise<Child> => {
    try {
      return await start()
    } catch (error) {
      const taken = String(error).includes('Address already in use')
      if (!taken || options.port !== undefined) throw error
      port = await freePort()
      return start()
    }
  }

  let child = await startSomewhere()
  return {
    port,
    get pid() {
      return child.pid
    },
    address: `127.0.0.1:${port}`,
    log: () => child.log(),
    running: () => child.running(),
    kill: (signal) => child.kill(signal),
    pause: () => child.pause(),
    resume: () => child.resume(),
    async restart() {
      await child.stop()
      child = await start()
    },
    stop: () => child.stop(),
  }
}

function argsFor({ args = [], tls }: MemcachedServerOptions, port: number): string[] {
  const all = ['-l', '127.0.0.1', '-p', `${port}`, '-U', '0', ...args]
  // memcached refuses to run as root unless it is told whom to become.
  if (process.getuid?.() === 0) all.push('-u', 'nobody')
  if (tls) all.push('-Z', '-o', `ssl_chain_cert=${tls.certFile},ssl_key=${tls.keyFile}`)
  return all
}

/** Whether somebody accepts connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (accepted: boolean) => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}
