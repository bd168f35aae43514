import { systemClock } from '@holdfast/core/adapter'
import { createAgents } from './agents.ts'
import { fetchOver } from './fetch-over.ts'
import { readObject } from './option-values.ts'
import type { GuardOptions } from './options.ts'
import { seamOf } from './seam.ts'
import { readGuardSettings } from './settings.ts'

/**
 * A `fetch` for addresses that somebody else chose. It asks only hosts of `origins`, connects only to public addresses
 * (or those of `network.allowPrivate`), pins each connection to the address that was checked, judges every redirect like
 * the first URL, and stops at `limits`. Statuses are returned as they are; what is refused rejects with `ImageError`,
 * also while the body is read. The answer's body is decoded and streams.
 *
 * @throws InvalidOptionError at once, for options that make no sense
 */
export function guardedFetch(options: GuardOptions): typeof fetch {
  readObject(options, ['origins', 'limits', 'network'], 'guardedFetch')
  const settings = readGuardSettings(options)
  const seam = seamOf(options)
  const clock = seam?.clock ?? systemClock
  const { admitsAddress, ca } = settings
  const timeoutMs = settings.limits.deadlineMs
  const agents = createAgents({ admitsAddress, ca, seam, clock, timeoutMs })
  return fetchOver({ settings, agents, clock })
}
