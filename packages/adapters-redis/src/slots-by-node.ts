import { StoreError } from '@holdfast/core'
import type { ClusterMap } from './cluster-map.ts'
import type { ClusterNode } from './cluster-node.ts'

/**
 * Which of `slots` each node has, by their indexes. Whose slot nobody has is told to `unowned`; without it, that is a
 * failure of all.
 * @throws StoreError, as a rejection.
 */
export async function slotsByNode(
  map: ClusterMap,
  slots: readonly number[],
  operation: string,
  unowned?: (index: number, error: StoreError) => void,
): Promise<[ClusterNode, number[]][]> {
  const parts = new Map<ClusterNode, number[]>()
  for (let index = 0; index < slots.length; index++) {
    const slot = slots[index]!
    let node = map.ownerOf(slot)
    if (node === undefined) {
      try {
        node = await map.findOwner(slot, operation)
      } catch (error) {
        if (unowned === undefined || !(error instanceof StoreError)) throw error
        unowned(index, error)
        continue
      }
    }
    const part = parts.get(node)
    if (part === undefined) parts.set(node, [index])
    else part.push(index)
  }
  return [...parts]
}
