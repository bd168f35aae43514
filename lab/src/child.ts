import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { findProgram } from './programs.ts'
import { atExit } from './scratch.ts'

/** Ends the child with its parent, also when the parent is killed and can clean up nothing. Linux only. */
const setpriv = findProgram('setpriv')

/** A process that the lab has started, and surely ends. */
export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** What it has written so far, both streams. */
  log(): string
  /** Settles with the exit code, or the signal's name, once it has ended. */
  readonly exited: Promise<number | string>
  running(): boolean
  /** Sends a signal and waits for the end where the signal ends a process. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** SIGSTOP: it keeps its sockets and answers nothing. */
  pause(): void
  /** SIGCONT. */
  resume(): void
  /** SIGTERM, and SIGKILL when it is still there after 2 s. */
  stop(): Promise<void>
}

/** How much of a child's words is kept; what came last explains a failure best. */
const maxLogLength = 200_000

export async function startChild(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Child> {
  const [file, allArgs] = setpriv
    ? [setpriv, ['--pdeathsig', 'TERM', program, ...args]]
    : [program, [...args]]
  const child = spawn(file, allArgs, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let log = ''
  const note = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-maxLogLength)
  }
  child.stdout?.on('data', note)
  child.stderr?.on('data', note)
  const exited = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  child.on('error', (error) => note(Buffer.from(`${error.message}\n`)))
  const forget = atExit(() => child.kill('SIGKILL'))
  exited.then(forget)
  const running = () => child.exitCode === null && child.signalCode === null

  return {
    process: child,
    pid: child.pid!,
    log: () => log,
    exited,
    running,
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      if (signal === 'SIGKILL') await exited
    },
    pause() {
      child.kill('SIGSTOP')
    },
    resume() {
      child.kill('SIGCONT')
    },
    async stop() {
      if (!running()) return
      child.kill('SIGTERM')
      // A stopped process gets its SIGTERM only when it goes on.
      child.kill('SIGCONT')
      const patience = setTimeout(() => child.kill('SIGKILL'), 2_000)
      await exited
      clearTimeout(patience)
    },
  }
}

/** Waits until `ready` holds, and fails with the child's own words when it ends or stays silent instead. */
export async function untilReady(
  child: Child,
  what: string,
  ready: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const deadlineAt = performance.now() + withinMs
  while (!(await ready())) {
    if (!child.running()) throw new Error(`${what} ended at its start:\n${child.log()}`)
    if (performance.now() > deadlineAt) {
      await child.kill()
      throw new Error(`${what} was not ready within ${withinMs} ms:\n${child.log()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
}
