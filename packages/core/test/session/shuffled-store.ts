import { memoryStore, type Store } from '@holdfast/core'

/** A store whose answers take a random number of turns, so that requests which run at once meet in every order. */
export function shuffledStore(seed: number, store: Store = memoryStore()): Store {
  let state = seed >>> 0
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
  const wander = async () => {
    for (let turns = Math.floor(random() * 8); turns > 0; turns--) await undefined
  }
  const around = <Args extends unknown[], Result>(run: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      await wander()
      const result = await run(...args)
      await wander()
      return result
    }
  }
  return {
    ...store,
    get: around(store.get),
    set: around(store.set),
    delete: around(store.delete),
    getMany: around(store.getMany!),
    add: around(store.add!),
    replace: around(store.replace!),
    touch: around(store.touch!),
  }
}
