import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import { until } from '@holdfast/lab/until'
import type { Addresses } from './addresses.ts'
import { type Owners, startOwners } from './owners.ts'
import { type Servers, startServers } from './servers.ts'
import { Visitor } from './visitor.ts'

export type Say = (line: string) => void

/** Everything of the picture, running. */
export interface Stage {
  readonly servers: Servers
  readonly owners: Owners
  /** Two processes of the shop, and where each listens. */
  readonly shops: readonly { readonly process: ClientProcess; readonly port: number }[]
  readonly visitors: readonly Visitor[]
  /** The port of one process or the other, in turn. */
  anyPort(): number
  /** The same counter of both processes, added up. */
  sum(question: 'sessionStats' | 'answerStats', counter: string): Promise<number>
  /** Waits until both processes are subscribed to the events. */
  hearing(): Promise<void>
  /** Waits until both processes have carried out so many events, in all. */
  heard(events: number): Promise<void>
  close(): Promise<void>
}

export async function setStage(): Promise<Stage> {
  const owners = await startOwners()
  const servers = await startServers()
  const addresses: Addresses = { ...servers.addresses, services: owners.base }
  owners.connectEvents(addresses)
  const processes = await startProcesses(2, new URL('./process.ts', import.meta.url), {
    args: [JSON.stringify(addresses)],
  })
  const shops = await Promise.all(
    processes.map(async (process) => ({ process, port: await process.call<number>('port') })),
  )
  let turn = 0
  return {
    servers,
    owners,
    shops,
    visitors: Array.from({ length: 40 }, (_, index) => new Visitor(`user-${index + 1}`)),
    anyPort: () => shops[turn++ % shops.length]?.port ?? 0,
    async sum(question, counter) {
      const stats = await Promise.all(
        processes.map((each) => each.call<Record<string, number>>(question)),
      )
      return stats.reduce((total, each) => total + (each[counter] ?? 0), 0)
    },
    hearing: () =>
      until('both processes hear events', async () => {
        const hear = await Promise.all(processes.map((each) => each.call<boolean>('hearsEvents')))
        return hear.every(Boolean)
      }),
    heard: (events) =>
      until('both processes have heard the events', async () => {
        const counts = await Promise.all(processes.map((each) => each.call<number>('heard')))
        return counts.every((count) => count >= events)
      }),
    async close() {
      await Promise.all(processes.map((each) => each.call('close').catch(() => undefined)))
      await Promise.all(processes.map((each) => each.stop()))
      await owners.close()
      await servers.stop()
    },
  }
}
