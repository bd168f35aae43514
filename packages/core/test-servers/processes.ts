import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type Endpoint = { readonly port: number } | { readonly path: string }

export function dial(endpoint: Endpoint): Socket {
  return 'path' in endpoint ? connect(endpoint.path) : connect(endpoint.port, '127.0.0.1')
}

/** Starts a program and waits until it accepts connections on all of the endpoints. */
export async function start(
  program: string,
  args: readonly string[],
  endpoints: readonly Endpoint[],
): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr?.on('data', (text) => {
    complaint += String(text)
  })
  const failure = new Promise<never>((_, reject) => {
    child.once('error', (error) => {
      reject(
        new Error(
          `cannot start ${program}; install it (Debian: apt-get install nutcracker memcached)`,
          { cause: error },
        ),
      )
    })
    child.once('exit', (code) =>
      reject(new Error(`${program} ended with ${code}: ${complaint.slice(-500)}`)),
    )
  })
  await Promise.race([Promise.all(endpoints.map(untilOpen)), failure])
  failure.catch(() => {})
  return child
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function untilOpen(endpoint: Endpoint): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = dial(endpoint)
    try {
      await once(socket, 'connect')
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      socket.destroy()
    }
  }
  throw new Error('the server did not open its port in 4 s')
}
