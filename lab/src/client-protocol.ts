import type { Answer, Question } from './client-process.ts'

type Handlers = Readonly<Record<string, (...args: never[]) => unknown>>

/**
 * The client's side of `startProcess`: the functions that the test may call. The process ends when the test's process
 * does.
 */
export function answer(handlers: Handlers): void {
  process.on('message', async ({ id, name, args }: Question) => {
    try {
      // The parent asks this first, so that nothing is sent before somebody listens.
      const handler = name === 'ready' ? () => undefined : handlers[name]
      if (handler === undefined) throw new Error(`this client process has no function '${name}'`)
      send({ id, value: await handler(...(args as never[])) })
    } catch (error) {
      const { name: errorName, message } = error instanceof Error ? error : new Error(String(error))
      send({ id, error: { name: errorName, message } })
    }
  })
  process.on('disconnect', () => process.exit())
}

/** Tells the test something that it did not ask for. */
export function tell(event: string, detail?: unknown): void {
  send({ event, detail })
}

function send(message: Answer): void {
  if (process.connected) process.send?.(message)
}
