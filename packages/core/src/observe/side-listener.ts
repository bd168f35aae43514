/**
 * Marks a listener that only takes note. Where there is no other one, what it hears of is told as if nobody listened,
 * so that nothing gets lost to who would have seen it. Registered, so that another entry of this package finds it.
 */
const side: unique symbol = Symbol.for('holdfast.side-listener')

export function asSideListener<Listener extends object>(listener: Listener): Listener {
  return Object.assign(listener, { [side]: true })
}

/** Whether anybody listens who does something about it. */
export const isHeard = (listeners: Iterable<object>): boolean =>
  [...listeners].some((listener) => !(side in listener))

export const isSideListener = (listener: object): boolean => side in listener
