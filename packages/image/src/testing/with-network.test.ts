import { InvalidOptionError } from '@holdfast/core'
import { expect, it } from 'vitest'
import { guardedFetch } from '../network/guarded-fetch.ts'
import { type NetworkSeam, seamOf } from '../network/seam.ts'
import { withNetwork } from './with-network.ts'

const network = {
  lookup: async () => [{ address: '93.184.216.34', family: 4 }],
  dial: () => {
    throw new Error('nobody is there')
  },
} satisfies NetworkSeam

const options = { origins: ['https://img.example.com'] }

it('adds no option that can be seen, and changes nothing that it was given', () => {
  const given = withNetwork(options, network)
  expect(Object.keys(given)).toEqual(['origins'])
  expect(seamOf(options)).toBeUndefined()
  expect(seamOf(given)).toBe(network)
})

it('goes along with a spread, as options are changed in tests', () => {
  expect(seamOf({ ...withNetwork(options, network), limits: {} })).toBe(network)
})

it('is understood by another installed copy', () => {
  expect(Reflect.get(withNetwork(options, network), Symbol.for('holdfast.image.network'))).toBe(
    network,
  )
})

it.each([undefined, {}, { lookup: network.lookup }, { ...network, dial: 'x' }])(
  'refuses %j, which cannot look up and dial',
  (wrong) => {
    expect(() => withNetwork(options, wrong as never)).toThrow(InvalidOptionError)
  },
)

it('what `dial` throws is a connection that did not come about', async () => {
  const pending = guardedFetch(withNetwork(options, network))('https://img.example.com/a')
  await expect(pending).rejects.toMatchObject({
    code: 'network',
    cause: { message: 'nobody is there' },
  })
})

it('`dial` is not called for what the policy refuses', async () => {
  const dialled: string[] = []
  const inside: NetworkSeam = {
    lookup: async () => [{ address: '10.0.0.1', family: 4 }],
    dial: (target) => {
      dialled.push(target.address)
      throw new Error('never')
    },
  }
  const fetched = guardedFetch(withNetwork({ origins: ['*'] }, inside))
  for (const url of ['https://img.example.com/', 'https://10.0.0.1/', 'https://[::1]/'])
    await expect(fetched(url)).rejects.toMatchObject({ code: 'address' })
  expect(dialled).toEqual([])
})
