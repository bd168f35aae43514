import type { CapacityConfig } from '../config/config-options.ts'
import { thresholds } from '../health/thresholds.ts'
import { inBytes, inPercent, type Notes } from './finding.ts'

/**
 * Whether what is going to be kept fits, by the same thresholds as `health()`. What an engine adds to a value is not
 * counted: measure `objectBytes` where it matters.
 * @param copies of each entry: 2 where a sharded store keeps replicas
 */
export function checkCapacity(
  notes: Notes,
  { objects, objectBytes, limitBytes }: CapacityConfig,
  measuredLimitBytes: number | undefined,
  copies: number,
): void {
  const limit = limitBytes ?? measuredLimitBytes
  const need = objects * objectBytes * copies
  const plan = `${objects.toLocaleString('en')} entries of ${inBytes(objectBytes)}${copies > 1 ? `, ${copies} times,` : ''} are ${inBytes(need)}`
  if (limit === undefined || !Number.isFinite(limit)) {
    notes.note(
      'capacity',
      `${plan}; how much there is room for is not known`,
      'set capacity.limitBytes, or maxmemory on the servers',
    )
    return
  }
  const share = need / limit
  const says = `${plan} of ${inBytes(limit)}, ${inPercent(share)}`
  const { warn, critical } = thresholds.memory_utilization
  // What brings it below the warning again.
  const advice = `have ${inBytes(need / warn)} in all, or keep fewer or smaller entries (ttl, codec.compression)`
  if (share > critical) notes.critical('capacity', says, advice)
  else if (share > warn) notes.warning('capacity', says, advice)
  else notes.ok('capacity', says)
}
