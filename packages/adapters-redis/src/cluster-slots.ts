import { slotCount } from './hash-slot.ts'
import { addressKey, checkedAddress, type ServerAddress } from './server-address.ts'

/** Who has which slots, as a node of the cluster says. */
export interface ClusterSlots {
  /** By slot, an index into `groups`; -1 where nobody has it. */
  readonly groupOfSlot: Int16Array
  readonly groups: readonly SlotGroup[]
}

/** A primary and its replicas. */
export interface SlotGroup {
  readonly primary: ServerAddress
  readonly replicas: readonly ServerAddress[]
}

/** More groups than any cluster has: the specification recommends at most 1,000 nodes. */
const mostGroups = 4_096

/**
 * The answer to CLUSTER SLOTS (https://redis.io/docs/latest/commands/cluster-slots/); `undefined` where any part of it
 * is not what it should be. A node without a name of its own is on the host that was asked.
 */
export function parseClusterSlots(
  reply: unknown,
  askedHost: string,
  map: (address: ServerAddress) => ServerAddress = (address) => address,
): ClusterSlots | undefined {
  if (!Array.isArray(reply)) return undefined
  const groupOfSlot = new Int16Array(slotCount).fill(-1)
  const groups: SlotGroup[] = []
  const known = new Map<string, number>()
  for (const row of reply) {
    if (!Array.isArray(row)) return undefined
    const [from, to, ...rows] = row
    if (!isSlot(from) || !isSlot(to) || from > to || rows.length === 0) return undefined
    const addresses: ServerAddress[] = []
    for (const node of rows) {
      const address = nodeAddress(node, askedHost)
      if (address === undefined) return undefined
      addresses.push(map(address))
    }
    const [primary, ...replicas] = addresses
    const key = addressKey(primary!)
    let group = known.get(key)
    if (group === undefined) {
      if (groups.length === mostGroups) return undefined
      group = groups.push({ primary: primary!, replicas }) - 1
      known.set(key, group)
    }
    groupOfSlot.fill(group, from, to + 1)
  }
  return groups.length === 0 ? undefined : { groupOfSlot, groups }
}

const isSlot = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < slotCount

function nodeAddress(node: unknown, askedHost: string): ServerAddress | undefined {
  if (!Array.isArray(node)) return undefined
  const [host, port] = node as unknown[]
  const named = host === null ? '' : Buffer.isBuffer(host) ? host.toString() : host
  return checkedAddress(named === '' || named === '?' ? askedHost : named, port)
}
