import { fileURLToPath } from 'node:url'
import { startChild } from './child.ts'

/** What a client process is asked, and what it answers. */
export interface Question {
  readonly id: number
  readonly name: string
  readonly args: readonly unknown[]
}
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } }
  | { readonly event: string; readonly detail: unknown }

/** Another process of a story. */
export interface ClientProcess {
  readonly pid: number
  /** Runs one of the functions that the file gave to `answer`, and resolves what it resolves. */
  call<T = unknown>(name: string, ...args: unknown[]): Promise<T>
  /** Listens to what the process tells by `tell`. */
  on(event: string, listener: (detail: unknown) => void): void
  log(): string
  running(): boolean
  readonly exited: Promise<number | string>
  kill(signal?: NodeJS.Signals): Promise<void>
  pause(): void
  resume(): void
  stop(): Promise<void>
}

export interface ClientProcessOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Options of Node itself. */
  readonly execArgv?: readonly string[]
}

/**
 * Starts a TypeScript file as a process of its own, with the packages' sources. The file calls `answer` of
 * client-protocol.ts; arguments and answers are copied as `structuredClone` copies.
 */
export async function startProcess(
  file: string | URL,
  options: ClientProcessOptions = {},
): Promise<ClientProcess> {
  const path = file instanceof URL ? fileURLToPath(file) : file
  const child = await startChild(
    process.execPath,
    ['--conditions=holdfast-source', ...(options.execArgv ?? []), path, ...(options.args ?? [])],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    },
  )
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const listeners = new Map<string, ((detail: unknown) => void)[]>()
  let lastId = 0

  child.process.on('message', (answer: Answer) => {
    if ('event' in answer) {
      for (const listener of listeners.get(answer.event) ?? []) listener(answer.detail)
      return
    }
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) {
      caller?.reject(Object.assign(new Error(answer.error.message), { name: answer.error.name }))
    } else caller?.resolve(answer.value)
  })
  child.exited.then((code) => {
    for (const { reject } of waiting.values()) {
      reject(new Error(`the client process ended with ${code}:\n${child.log()}`))
    }
    waiting.clear()
  })

  const client: ClientProcess = {
    pid: child.pid,
    call<T>(name: string, ...args: unknown[]) {
      return new Promise<T>((resolve, reject) => {
        if (!child.running()) {
          reject(new Error(`the client process has ended:\n${child.log()}`))
          return
        }
        const id = ++lastId
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
        child.process.send({ id, name, args } satisfies Question)
      })
    },
    on(event, listener) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener])
    },
    log: child.log,
    running: child.running,
    exited: child.exited,
    kill: child.kill,
    pause: child.pause,
    resume: child.resume,
    stop: child.stop,
  }
  await client.call('ready')
  return client
}

/** Several processes of the same file, started at once. */
export function startProcesses(
  count: number,
  file: string | URL,
  options: ClientProcessOptions = {},
): Promise<ClientProcess[]> {
  return Promise.all(Array.from({ length: count }, () => startProcess(file, options)))
}
