import { expect, it } from 'vitest'
import { canaryKey } from '../../../../lab/src/canary.ts'
import { createCache, MemoryBacking, memoryStore } from '../../src/index.ts'

const verifies = Symbol.for('holdfast.verifies')
const keys = [{ id: 'a', secret: canaryKey('verified') }]

/** What comes of an entry whose last byte, one of its seal, was changed in the store. */
async function foundUnderBrokenSeal(isVerified: boolean, codec = {}) {
  const backing = new MemoryBacking()
  const store = Object.assign(memoryStore({ backing }), isVerified ? { [verifies]: true } : {})
  const cache = createCache({ store, memory: false, bus: false, codec })
  await cache.set('key', 'value')
  const stored = Buffer.from(backing.read('default:key') ?? [])
  stored[stored.length - 1]! ^= 1
  backing.write('default:key', stored, 60_000)
  const found = await cache.get('key')
  const { refused } = cache.stats()
  await cache.close()
  return { found, refused }
}

it('a checksum is compared, unless the store says that it has compared a digest of its own', async () => {
  expect(await foundUnderBrokenSeal(false)).toEqual({ found: undefined, refused: 1 })
  expect(await foundUnderBrokenSeal(true)).toEqual({ found: 'value', refused: 0 })
})

it('an HMAC is compared, whatever the store says', async () => {
  const codec = { integrity: { keys } }
  expect(await foundUnderBrokenSeal(true, codec)).toEqual({ found: undefined, refused: 1 })
})
