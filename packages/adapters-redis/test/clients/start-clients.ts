import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import type { ClientSettings } from './client-answers.ts'

const client = new URL('./cache-client.ts', import.meta.url)

/** So long after its first call a cache is connected, and has been heard on the bus. */
const settledMs = 200

/** Processes with a cache each, connected and listening to each other. */
export async function startClients(
  count: number,
  settings: ClientSettings,
): Promise<ClientProcess[]> {
  const started = await startProcesses(count, client, { args: [JSON.stringify(settings)] })
  await Promise.all(started.map((each) => each.call('get', 'warm-up')))
  await sleep(settledMs)
  return started
}

export function stopClients(clients: readonly ClientProcess[]): Promise<unknown> {
  return Promise.all(clients.map((each) => each.stop()))
}

/** Resolves when the process has called its loader for the key. */
export function loading(client: ClientProcess, key: string): Promise<void> {
  return new Promise((resolve) => {
    client.on('loading', (loaded) => loaded === key && resolve())
  })
}
