import { expect, it } from 'vitest'
import { inNameOrder } from './name-order.ts'

it('puts the shorter name first, by bytes, and then the lower one', () => {
  const names = ['cache-zeta', 'ñañ', 'beta', 'x', 'zeta', 'abcd']
  // 'ñañ' has three characters and five bytes.
  expect(inNameOrder(names, (name) => name)).toEqual([
    'x',
    'abcd',
    'beta',
    'zeta',
    'ñañ',
    'cache-zeta',
  ])
})

it('compares bytes, not UTF-16 units', () => {
  // U+1F600 is four bytes beginning with F0, U+FFFD with one letter four beginning with EF; as UTF-16 units D83D < FFFD.
  expect(inNameOrder(['😀', '\ufffda'], (name) => name)).toEqual(['\ufffda', '😀'])
})
