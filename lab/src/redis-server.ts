import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { canarySecret } from './canary.ts'
import type { Certificate } from './certificates.ts'
import { type Child, startChild, untilReady } from './child.ts'
import { freePort } from './free-ports.ts'
import { requireProgram } from './programs.ts'
import { decodeReply, encodeCommand, frameEnd, type Reply } from './resp.ts'
import { scratchDirectory } from './scratch.ts'

export type RedisEngine = 'redis' | 'valkey'

export interface RedisServerOptions {
  /** Default `'redis'`. */
  readonly engine?: RedisEngine
  /** Default: a free one. */
  readonly port?: number
  /** Settings of redis.conf, for example `{ maxmemory: '2mb' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** Serves TLS on the port, and nothing in clear. `protocols` as in redis.conf, for example `'TLSv1.1'`. */
  readonly tls?: Certificate & { readonly caFile: string; readonly protocols?: string }
  /** ACL users as in redis.conf, for example `` `anna on >${password} ~app:* +get` ``. */
  readonly users?: readonly string[]
  /** Commands whose name the server shall not know, for example `['EVAL']`. */
  readonly withoutCommands?: readonly string[]
  /** A sentinel that watches, where the lines say: `'monitor lab 127.0.0.1 6379 2'`. */
  readonly sentinel?: readonly string[]
}

export interface RedisServer {
  readonly engine: RedisEngine
  readonly port: number
  readonly pid: number
  /** `redis://127.0.0.1:port`, or `rediss://localhost:port` with TLS. */
  readonly url: string
  /** Takes connections in clear whatever the port serves. */
  readonly socketPath: string
  /** Runs one command as an administrator, over a connection of its own that no fault of the test touches. */
  command(...args: (string | Uint8Array)[]): Promise<Reply>
  /** How often each command was called since the last `CONFIG RESETSTAT`, by lower-case name. */
  commandCounts(): Promise<Record<string, number>>
  log(): string
  running(): boolean
  kill(signal?: NodeJS.Signals): Promise<void>
  pause(): void
  resume(): void
  /** Starts it again on the same port, with nothing stored, after a `kill` or `stop`. */
  restart(): Promise<void>
  /** Ends it and removes what it left behind. */
  stop(): Promise<void>
}

const administrator = { name: 'lab-admin', password: canarySecret('lab-admin') }

/** Starts a Redis or Valkey of its own, without persistence, on the loopback interface. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const engine = options.engine ?? 'redis'
  const program = requireProgram(`${engine}-server`)
  const scratch = scratchDirectory()
  const socketPath = join(scratch.path, 's')
  let port = options.port ?? (await freePort())

  const start = async (): Promise<Child> => {
    const configFile = join(scratch.path, 'redis.conf')
    writeFileSync(configFile, configuration(options, port, scratch.path, socketPath))
    const isSentinel = options.sentinel !== undefined
    const child = await startChild(program, [configFile, ...(isSentinel ? ['--sentinel'] : [])])
    const ready = isSentinel ? '+monitor master' : 'Ready to accept'
    await untilReady(child, `${engine}-server`, () => child.log().includes(ready))
    return child
  }
  const startSomewhere = async (): Promise<Child> => {
    try {
      return await start()
    } catch (error) {
      // Between the finding of a free port and its use somebody else may have taken it.
      const taken = String(error).includes('Address already in use')
      if (!taken || options.port !== undefined) throw error
      port = await freePort()
      return start()
    }
  }

  let child = await startSomewhere().catch((error: unknown) => {
    scratch.remove()
    throw error
  })
  const command = (...args: (string | Uint8Array)[]) => administrate(socketPath, args)
  return {
    engine,
    port,
    get pid() {
      return child.pid
    },
    url: options.tls ? `rediss://localhost:${port}` : `redis://127.0.0.1:${port}`,
    socketPath,
    command,
    async commandCounts() {
      const counts: Record<string, number> = {}
      const text = String(await command('INFO', 'commandstats'))
      for (const [, name, calls] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
        counts[name!] = Number(calls)
      }
      return counts
    },
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
      scratch.remove()
    },
  }
}

function configuration(
  options: RedisServerOptions,
  port: number,
  directory: string,
  socketPath: string,
): string {
  const settings: [string, string][] = [
    ['bind', '127.0.0.1'],
    ['dir', directory],
    ['unixsocket', socketPath],
    ['user', `${administrator.name} on >${administrator.password} ~* &* +@all`],
  ]
  if (options.sentinel === undefined) {
    settings.push(
      ['save', '""'],
      ['appendonly', 'no'],
      ['enable-debug-command', 'yes'],
      // Else a fresh replica waits 5 s before it is synchronized.
      ['repl-diskless-sync-delay', '0'],
    )
  }
  if (options.tls) {
    const { certFile, keyFile, caFile, protocols } = options.tls
    settings.push(
      ['port', '0'],
      ['tls-port', `${port}`],
      ['tls-cert-file', certFile],
      ['tls-key-file', keyFile],
      ['tls-ca-cert-file', caFile],
      ['tls-auth-clients', 'no'],
    )
    // Old protocols are refused by OpenSSL itself unless its security level is lowered.
    if (protocols !== undefined) {
      settings.push(['tls-protocols', `"${protocols}"`], ['tls-ciphers', 'DEFAULT:@SECLEVEL=0'])
    }
  } else {
    settings.push(['port', `${port}`])
  }
  for (const user of options.users ?? []) settings.push(['user', user])
  for (const name of options.withoutCommands ?? []) settings.push(['rename-command', `${name} ""`])
  settings.push(...Object.entries(options.config ?? {}))
  for (const line of options.sentinel ?? []) settings.push(['sentinel', line])
  return settings.map(([name, value]) => `${name} ${value}\n`).join('')
}

async function administrate(
  socketPath: string,
  args: readonly (string | Uint8Array)[],
): Promise<Reply> {
  const socket = connect(socketPath)
  try {
    socket.write(encodeCommand(['AUTH', administrator.name, administrator.password]))
    socket.write(encodeCommand(args))
    let received: Buffer = Buffer.alloc(0)
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer])
      const authEnd = frameEnd(received)
      const end = authEnd < 0 ? -1 : frameEnd(received, authEnd)
      if (end < 0) continue
      const reply = decodeReply(received.subarray(authEnd, end))
      if (reply instanceof Error) throw reply
      return reply
    }
    throw new Error(`the server closed the connection instead of answering ${String(args[0])}`)
  } finally {
    socket.destroy()
  }
}
