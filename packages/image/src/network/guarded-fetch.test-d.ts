import { expectTypeOf, test } from 'vitest'
import type { ImageError, ImageErrorCode } from '../image-error.ts'
import { withNetwork } from '../testing/with-network.ts'
import { guardedFetch } from './guarded-fetch.ts'
import type { NetworkSeam } from './seam.ts'

declare const network: NetworkSeam

test('what guards a fetch is a fetch', () => {
  expectTypeOf(guardedFetch({ origins: ['*'] })).toEqualTypeOf<typeof fetch>()
  // @ts-expect-error origins are required
  guardedFetch({})
  // @ts-expect-error verification is no option
  guardedFetch({ origins: [], network: { rejectUnauthorized: false } })
  // @ts-expect-error a scheme that is none
  guardedFetch({ origins: [], network: { schemes: ['ftp'] } })
  // @ts-expect-error a size with a unit that is none
  guardedFetch({ origins: [], limits: { bytes: '10 megabytes' } })
})

test('options keep their type over a network of their own', () => {
  const options = { origins: ['*'], mark: 1 }
  expectTypeOf(withNetwork(options, network)).toEqualTypeOf(options)
})

test('a code is one of the reasons', () => {
  expectTypeOf<ImageError['code']>().toEqualTypeOf<ImageErrorCode>()
})
