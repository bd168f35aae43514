import { expect, it } from 'vitest'
import type { Load } from './load.ts'
import { Loading } from './loading.ts'

const seated = () => ({ seat: 0 }) as Load

it('holds exactly those that have come and not gone, in whatever order they go', () => {
  const loading = new Loading()
  const [first, second, third] = [seated(), seated(), seated()]
  for (const load of [first, second, third]) loading.add(load)
  loading.delete(first)
  expect(new Set(loading)).toEqual(new Set([second, third]))
  loading.delete(third)
  expect([...loading]).toEqual([second])
  loading.delete(second)
  expect(loading.size).toBe(0)
})

it('lets nobody else go with one that has gone already, or never came', () => {
  const loading = new Loading()
  const [gone, stays] = [seated(), seated()]
  loading.add(gone)
  loading.delete(gone)
  loading.add(stays)
  loading.delete(gone)
  loading.delete(seated())
  expect([...loading]).toEqual([stays])
})
