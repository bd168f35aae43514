import { slotCount } from './hash-slot.ts'
import { FalseRedirection, refusalCode } from './redis-errors.ts'
import { parseServerAddress, type ServerAddress } from './server-address.ts'

/** A node's word that another one has the key: for good (`moved`), or for this command (`ask`). */
export class Redirection {
  readonly kind: 'moved' | 'ask'
  readonly to: ServerAddress

  constructor(kind: 'moved' | 'ask', to: ServerAddress) {
    this.kind = kind
    this.to = to
  }
}

/**
 * `MOVED 3999 127.0.0.1:6381` and `ASK …` as what they say; `undefined` for other errors.
 * @throws FalseRedirection for a slot that is not the one that was asked for, and for what is no address.
 */
export function redirectionOf(
  error: unknown,
  slot: number,
  sameHost?: string,
): Redirection | undefined {
  const code = refusalCode(error)
  if (code !== 'MOVED' && code !== 'ASK') return undefined
  const [, said, address, ...more] = (error as Error).message.split(' ')
  const isSlot = /^\d{1,5}$/.test(said ?? '') && Number(said) < slotCount && Number(said) === slot
  const to = parseServerAddress(address ?? '', sameHost)
  if (!isSlot || to === undefined || more.length > 0) throw new FalseRedirection()
  return new Redirection(code === 'MOVED' ? 'moved' : 'ask', to)
}
