import { expect, it } from 'vitest'
import type { Cache, LoaderContext } from '../../src/index.ts'
import { Processes } from './processes.ts'

const isStored = Symbol.for('holdfast.isStored')

/** What a package on top of the cache is told of a value, once its caller has it. */
async function storedAfter(cache: Cache, load: (context: LoaderContext) => unknown) {
  let mine: LoaderContext | undefined
  await cache.wrap('key', (context) => {
    mine = context
    return load(context)
  })
  return (mine as unknown as Record<symbol, boolean>)[isStored]
}

it('whoever loads can learn whether the store took the value', async () => {
  const world = new Processes()
  const { cache } = world.start({ memory: false })
  expect(await storedAfter(cache, () => 'small')).toBe(true)
  await cache.delete('key')
  expect(await storedAfter(cache, () => Symbol('no bytes'))).toBe(false)
  expect(await storedAfter(cache, ({ skip }) => skip('not to be kept'))).toBe(false)
  await world.close()
})

it('a value that an invalidation overtook is not called stored', async () => {
  const world = new Processes()
  const { cache } = world.start()
  const overtaken = storedAfter(cache, async () => {
    await cache.delete('key')
    return 'old'
  })
  expect(await overtaken).toBe(false)
  await world.close()
})

it('a store that is out has stored nothing, though memory serves the value meanwhile', async () => {
  const world = new Processes()
  const { cache, store } = world.start()
  store.play([{ kind: 'reject' }])
  expect(await storedAfter(cache, () => 'kept for a while')).toBe(false)
  expect(cache.peek('key')).toBe('kept for a while')
  await world.close()
})
