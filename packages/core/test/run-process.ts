import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The workspace's own Node runs TypeScript as it is; the one that runs the tests may be older. */
const own = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** Runs a file of `processes/` in a process of its own, killed after a minute. */
export function runProcess(name: string, flags: readonly string[] = []): Promise<Ran> {
  const file = fileURLToPath(new URL(`./processes/${name}`, import.meta.url))
  const program = existsSync(own) ? own : process.execPath
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const child = execFile(
      program,
      ['--disable-warning=ExperimentalWarning', ...flags, file],
      { timeout: 60_000, killSignal: 'SIGKILL' },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr, ms: performance.now() - startedAt })
      },
    )
  })
}
