import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import type { ClientSettings } from './client-answers.ts'

const client = new URL('./cache-client.ts', import.meta.url)

/** Processes with a cache each, connected. */
export async function startClients(
  count: number,
  settings: ClientSettings,
): Promise<ClientProcess[]> {
  const clients = await startProcesses(count, client, { args: [JSON.stringify(settings)] })
  await Promise.all(clients.map((each) => each.call('get', 'warm-up')))
  return clients
}
export const stopClients = (clients: readonly ClientProcess[]) =>
  Promise.all(clients.map((each) => each.stop()))

/** Resolves when the process has called its loader for the key. */
export const loading = (process: ClientProcess, key: string) =>
  new Promise<void>((resolve) => {
    process.on('loading', (loaded) => loaded === key && resolve())
  })
