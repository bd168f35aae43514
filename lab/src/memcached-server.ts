import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from './certificates.ts'
import { type Child, startChild, untilReady } from './child.ts'
import { freePort } from './free-ports.ts'
import { requireProgram } from './programs.ts'
import { type Scratch, scratchDirectory } from './scratch.ts'

export interface MemcachedServerOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Further arguments of memcached, for example `['-m', '8', '-M']`. */
  readonly args?: readonly string[]
  /** `minVersion` as in memcached's `ssl_min_version`, for example 0 for TLS 1.0. Default: TLS 1.2. */
  readonly tls?: Certificate & { readonly minVersion?: 0 | 1 | 2 | 3 }
  /** Logins by SASL PLAIN, name to password; without one nothing is answered. The binary protocol alone knows them. */
  readonly users?: Readonly<Record<string, string>>
  /** The only protocol it speaks. Default: both. */
  readonly protocol?: 'ascii' | 'binary'
  /** Listens at a unix socket instead of the port. */
  readonly unixSocket?: boolean
}

export interface MemcachedServer {
  readonly port: number
  readonly pid: number
  /** `127.0.0.1:port`, as clients write it. */
  readonly address: string
  /** The unix socket, where there is one. */
  readonly socketPath: string | undefined
  log(): string
  running(): boolean
  kill(signal?: NodeJS.Signals): Promise<void>
  pause(): void
  resume(): void
  /** Starts it again on the same port, empty, after a `kill` or `stop`. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts a memcached of its own, without UDP, on the loopback interface. */
export async function startMemcached(
  options: MemcachedServerOptions = {},
): Promise<MemcachedServer> {
  const program = requireProgram('memcached')
  let port = options.port ?? (await freePort())
  const scratch = options.users !== undefined || options.unixSocket ? scratchDirectory() : undefined
  if (scratch !== undefined && options.users !== undefined) writeLogins(scratch, options.users)
  const socketPath = options.unixSocket ? join(scratch!.path, 's') : undefined
  const env = scratch === undefined ? {} : { SASL_CONF_PATH: scratch.path }

  const start = async (): Promise<Child> => {
    const args = argsFor(options, socketPath ?? port)
    const child = await startChild(program, args, { env: { ...process.env, ...env } })
    await untilReady(child, 'memcached', () => accepts(socketPath ?? port))
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

  let child = await startSomewhere().catch((error: unknown) => {
    scratch?.remove()
    throw error
  })
  return {
    port,
    get pid() {
      return child.pid
    },
    address: `127.0.0.1:${port}`,
    socketPath,
    log: () => child.log(),
    running: () => child.running(),
    kill: (signal) => child.kill(signal),
    pause: () => child.pause(),
    resume: () => child.resume(),
    async restart() {
      await child.stop()
      child = await start()
    },
    async stop() {
      await child.stop()
      scratch?.remove()
    },
  }
}

function argsFor(
  { args = [], tls, users, protocol }: MemcachedServerOptions,
  at: number | string,
): string[] {
  const all = typeof at === 'string' ? ['-s', at, '-a', '0777'] : ['-l', '127.0.0.1', '-p', `${at}`]
  all.push('-U', '0', ...args)
  if (users !== undefined) all.push('-S')
  if (protocol !== undefined) all.push('-B', protocol)
  // memcached refuses to run as root unless it is told whom to become. Who becomes somebody else loses the order to end
  // with its parent.
  if (process.getuid?.() === 0) all.push('-u', userInfo().username)
  if (tls) {
    const settings = [`ssl_chain_cert=${tls.certFile}`, `ssl_key=${tls.keyFile}`]
    if (tls.minVersion !== undefined) settings.push(`ssl_min_version=${tls.minVersion}`)
    all.push('-Z', '-o', settings.join(','))
  }
  return all
}

/** A database of logins, and what tells memcached's SASL library to use it. */
function writeLogins({ path }: Scratch, users: Readonly<Record<string, string>>): void {
  const program = requireProgram('saslpasswd2')
  const database = join(path, 'sasldb2')
  for (const [name, password] of Object.entries(users)) {
    // A name without a realm means that of the host.
    const args = ['-p', '-c', '-f', database, '-a', 'memcached', '-u', hostname(), name]
    execFileSync(program, args, { input: password })
  }
  const lines = ['mech_list: plain', 'pwcheck_method: auxprop', 'auxprop_plugin: sasldb']
  writeFileSync(join(path, 'memcached.conf'), [...lines, `sasldb_path: ${database}`, ''].join('\n'))
}

/** Whether somebody accepts connections there. */
export function accepts(at: number | string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1')
    const answer = (accepted: boolean) => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}
