import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answer } from '@holdfast/lab/client-process'

const candidateProcess = new URL('./candidate-process.ts', import.meta.url)

/** A candidate in a process of its own, on what users install: the built packages. */
export interface CandidateProcess {
  call<Result>(name: string, ...args: unknown[]): Promise<Result>
  stop(): void
}

export async function openCandidate(
  name: string,
  where: number | string,
  program = candidateProcess,
): Promise<CandidateProcess> {
  const child = fork(fileURLToPath(program), [name, String(where)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
  })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let lastId = 0
  child.on('message', (answer: Answer) => {
    if ('event' in answer) return
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) caller?.reject(new Error(`${name}: ${answer.error.message}`))
    else caller?.resolve(answer.value)
  })
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} ended with ${code}`))
    waiting.clear()
  })
  const call = <Result>(name: string, ...args: unknown[]) =>
    new Promise<Result>((resolve, reject) => {
      const id = ++lastId
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      child.send({ id, name, args })
    })
  await call('ready')
  return { call, stop: () => void child.kill('SIGKILL') }
}
