import { systemClock } from '@holdfast/core/adapter'
import { createAgents } from './agents.ts'
import { fetchOver } from './fetch-over.ts'
import type { NetworkSeam } from './seam.ts'
import { defaultLimits, readGuardSettings } from './settings.ts'

/**
 * A `fetch` without a guard over a network that `withNetwork` gave: any host, port and address, bodies of any
 * size, and a minute for each request.
 */
export function networkFetch(seam: NetworkSeam): typeof fetch {
  const clock = seam.clock ?? systemClock
  const limits = {
    ...defaultLimits,
    bytes: Number.MAX_SAFE_INTEGER,
    redirects: 20,
    deadlineMs: 60_000,
  }
  const everything = readGuardSettings({ origins: ['*'], network: { schemes: ['http', 'https'] } })
  const settings = {
    ...everything,
    limits,
    ports: { has: () => true },
    admitsAddress: () => true,
  }
  const { deadlineMs: timeoutMs } = limits
  const agents = createAgents({ admitsAddress: () => true, ca: undefined, seam, clock, timeoutMs })
  return fetchOver({ settings, agents, clock })
}
