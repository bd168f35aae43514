import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild, untilReady } from './child.ts'
import { freePorts } from './free-ports.ts'
import { accepts } from './memcached-server.ts'
import { requireProgram } from './programs.ts'
import { scratchDirectory } from './scratch.ts'

export interface NutcrackerProxyOptions {
  /** `host:port:weight` or `host:port:weight name`, in the order of the file. */
  readonly servers: readonly string[]
  /** Further lines of the pool, for example `{ hash: 'fnv1a_64', distribution: 'ketama', redis: 'true' }`. */
  readonly pool?: Readonly<Record<string, string>>
}

export interface NutcrackerProxy {
  readonly port: number
  readonly pid: number
  log(): string
  kill(signal?: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
}

/** Starts a twemproxy with one pool named `lab`. */
export async function startNutcracker(options: NutcrackerProxyOptions): Promise<NutcrackerProxy> {
  const program = requireProgram('nutcracker')
  const scratch = scratchDirectory()
  const [port, statsPort] = await freePorts(2)
  const pool = { listen: `127.0.0.1:${port}`, ...options.pool }
  const lines = [
    'lab:',
    ...Object.entries(pool).map(([name, value]) => `  ${name}: ${value}`),
    '  servers:',
    ...options.servers.map((server) => `   - ${server}`),
  ]
  const configFile = join(scratch.path, 'nutcracker.yml')
  writeFileSync(configFile, `${lines.join('\n')}\n`)
  const child = await startChild(program, [
    ...['-c', configFile, '-o', join(scratch.path, 'log'), '-p', join(scratch.path, 'pid')],
    ...['-s', `${statsPort}`, '-a', '127.0.0.1'],
  ])
  try {
    await untilReady(child, 'nutcracker', () => accepts(port!))
  } catch (error) {
    scratch.remove()
    throw error
  }
  return {
    port: port!,
    pid: child.pid,
    log: () => child.log(),
    kill: (signal) => child.kill(signal),
    async stop() {
      await child.stop()
      scratch.remove()
    },
  }
}
