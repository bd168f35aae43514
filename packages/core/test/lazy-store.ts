import type { Store } from '../src/store/store.ts'
import { turn } from './held.ts'

/** A store whose every operation takes effect, and is answered, some turns of the event loop later. */
export function lazily(store: Store, random: () => number, busy: { now: number }): Store {
  const turns = async () => {
    for (let left = Math.floor(random() * 4); left > 0; left--) await turn()
  }
  const slow = new Set([
    'get',
    'set',
    'delete',
    'getMany',
    'setMany',
    'deleteMany',
    'add',
    'replace',
  ])
  return new Proxy(store, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function' || !slow.has(String(name))) return member
      return async (...args: unknown[]) => {
        busy.now++
        try {
          await turns()
          const answer: unknown = await member.apply(target, args)
          await turns()
          return answer
        } finally {
          busy.now--
        }
      }
    },
  })
}
