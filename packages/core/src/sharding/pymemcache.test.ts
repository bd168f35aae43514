import { expect, it } from 'vitest'
import { createRing } from './ring.ts'

const servers = ['10.0.0.1:11211', '10.0.0.2:11211', '10.0.0.3:11211'].map((name) => ({ name }))
const ring = createRing({ servers, compat: 'pymemcache' })

it('reads bytes as the UTF-8 of a text', () => {
  for (const key of ['user:1', 'é', '日本語', '😀']) {
    expect(ring.locateIndex(new TextEncoder().encode(key))).toBe(ring.locateIndex(key))
  }
})

it('keeps every other key where it is when a server is out', () => {
  const left = ring.without('10.0.0.2:11211')
  for (let i = 0; i < 500; i++) {
    const before = ring.locate(`key:${i}`)
    if (before !== '10.0.0.2:11211') expect(left.locate(`key:${i}`)).toBe(before)
    else expect(left.locate(`key:${i}`)).not.toBe(before)
  }
})

it('explains with the score that won', () => {
  const { hashed, hash, point, server } = ring.explain('user:1')
  expect(hashed).toBe('user:1')
  expect(hash).toBe(point)
  expect(server).toBe(ring.locate('user:1'))
})
