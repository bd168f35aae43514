import { type Clock, StoreError } from '@holdfast/core'
import { backgroundClock } from '@holdfast/core/adapter'
import { Client } from 'memjs'
import { onTestFinished } from 'vitest'
import { MemjsDriver } from '../src/memjs-driver.ts'
import type { MemjsServerOptions } from '../src/memjs-server.ts'

export const commandTimeoutMs = 200

/** A driver on a loopback port, closed at the end of the test. */
export function openDriver(
  port: number,
  options: Partial<MemjsServerOptions> & { clock?: Clock } = {},
): MemjsDriver {
  const driver = new MemjsDriver({
    place: { store: 'memcached', server: `127.0.0.1:${port}` },
    endpoint: { host: '127.0.0.1', port },
    connectTimeoutMs: 500,
    commandTimeoutMs,
    maxReplyBytes: 64 * 1024 * 1024,
    clock: backgroundClock,
    ...options,
  })
  onTestFinished(() => driver.close())
  return driver
}

const silent = { log: () => {} }

/** memjs as it comes, with the deadline of ours. */
export function openPlainMemjs(
  port: number,
  options: Parameters<typeof Client.create>[1] = {},
): Client {
  const all = { timeout: commandTimeoutMs / 1_000, retries: 1, logger: silent, ...options }
  const client = Client.create(`127.0.0.1:${port}`, all)
  onTestFinished(() => {
    for (const server of client.servers) server.close()
  })
  return client
}

/** How an operation ended: its value, its error, or not at all within `withinMs`. */
export async function outcome(
  operation: Promise<unknown>,
  withinMs = 1_000,
): Promise<{ value?: unknown; error?: unknown; pending?: true }> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<{ pending: true }>((resolve) => {
    timer = setTimeout(() => resolve({ pending: true }), withinMs)
  })
  const ended = operation.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const first = await Promise.race([ended, late])
  clearTimeout(timer)
  return first
}

export const kindOf = (error: unknown) => (error instanceof StoreError ? error.kind : `${error}`)

/** What a read brought back, as text. */
export const textOf = (item: { bytes: Uint8Array } | undefined) =>
  item === undefined ? undefined : Buffer.from(item.bytes).toString('latin1')

/**
 * Watches how late this process is with its own timers. A deadline is kept if it is kept but for that: each of the two
 * blocks that are forgiven adds 50 ms. Tests that run beside others hand in their own `onTestFinished`.
 */
export function watchLag(whenFinished = onTestFinished): {
  allowanceMs(): number
  /** Whether deadlines may have passed that nobody but this machine has missed. */
  wasBlocked(): boolean
} {
  const everyMs = 5
  let worst = 0
  let before = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    worst = Math.max(worst, now - before - everyMs)
    before = now
  }, everyMs)
  whenFinished(() => clearInterval(timer))
  return {
    wasBlocked: () => worst > commandTimeoutMs / 2,
    allowanceMs() {
      worst = Math.max(worst, performance.now() - before - everyMs)
      return 50 + worst * 2 + (worst > 20 ? 100 : 0)
    },
  }
}

export const soon = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
