import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export type Measure = 'hit' | 'miss' | 'together' | 'allocation' | 'memory' | 'churn'

const flags: Record<Measure, readonly string[]> = {
  hit: [],
  miss: [],
  together: [],
  // A young generation (MB) that holds all a run allocates.
  allocation: ['--expose-gc', '--min-semi-space-size=512', '--max-semi-space-size=512'],
  memory: ['--expose-gc', '--max-old-space-size=4096'],
  churn: ['--expose-gc'],
}

const childPath = fileURLToPath(new URL('./child.ts', import.meta.url))

/** Measures one candidate in a fresh process of the same Node, and nothing beside it. */
export async function inChild<Result>(measure: Measure, name: string): Promise<Result> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...flags[measure],
    '--disable-warning=ExperimentalWarning',
    childPath,
    measure,
    name,
  ])
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Result
}
