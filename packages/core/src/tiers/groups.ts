/** So many keys are worked on at once. More would wait for one another: in this process, on the way, at the server. */
export const mostAtOnce = 256

/** Runs `each` for every item, one group after the other: a deadline that begins with an item's turn is not spent in a queue. */
export async function inGroups<T>(
  items: readonly T[],
  each: (item: T, index: number) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < items.length; from += mostAtOnce) {
    const group = items.slice(from, from + mostAtOnce)
    await Promise.all(group.map((item, index) => each(item, from + index)))
  }
}
