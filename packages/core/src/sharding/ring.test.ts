import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyError } from '../errors.ts'
import { compareRings } from './compare-rings.ts'
import { createRing, type Ring } from './ring.ts'
import type { RingOptions } from './ring-options.ts'

const serverList = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `10.0.0.${i + 1}:11211` }))

function loads(ring: Ring, servers: number, keys: number, keyOf = (i: number) => `user:${i}`) {
  const counts = new Array<number>(servers).fill(0)
  for (let i = 0; i < keys; i++) counts[ring.locateIndex(keyOf(i))]!++
  return counts.map((count) => count / (keys / servers))
}

describe('the default ring', () => {
  it('loads the fullest of ten servers at most 10 % above the mean, with a million sequential keys', () => {
    expect(Math.max(...loads(createRing({ servers: serverList(10) }), 10, 1_000_000))).toBeLessThan(
      1.1,
    )
  })

  it('is as even with a secret, with weights that are equal, and with 100 servers', () => {
    const seeded = createRing({ servers: serverList(10), seed: 'secret' })
    expect(Math.max(...loads(seeded, 10, 300_000))).toBeLessThan(1.05)
    const heavy = createRing({
      servers: serverList(10).map((server) => ({ ...server, weight: 7 })),
    })
    expect(Math.max(...loads(heavy, 10, 300_000))).toBeLessThan(1.05)
    expect(
      Math.max(...loads(createRing({ servers: serverList(100) }), 100, 1_000_000)),
    ).toBeLessThan(1.1)
  })

  it('shares keys out by weight', () => {
    const servers = [1, 2, 3, 4].map((weight) => ({ name: `s${weight}`, weight }))
    const shares = loads(createRing({ servers }), 4, 200_000).map((load) => load / 4)
    shares.forEach((share, i) => {
      expect(share).toBeGreaterThan(((i + 1) / 10) * 0.97)
      expect(share).toBeLessThan(((i + 1) / 10) * 1.03)
    })
  })

  it('moves no key that need not move, and of ten servers at most 1.05 tenths, whoever leaves', () => {
    const servers = serverList(10)
    const ring = createRing({ servers })
    for (const [gone, { name }] of servers.entries()) {
      const left = ring.without(name)
      let moved = 0
      let movedInVain = 0
      for (let i = 0; i < 100_000; i++) {
        const before = ring.locateIndex(`key:${i}`)
        const after = left.locateIndex(`key:${i}`)
        if (before === gone) moved++
        else if (after !== before) movedInVain++
      }
      expect(movedInVain).toBe(0)
      expect(moved / 100_000).toBeLessThan(0.105)
    }
  })

  it('moves keys of servers that left only, for any servers, weights and secrets', () => {
    const server = fc.record({
      name: fc.string({ minLength: 1, maxLength: 12 }),
      weight: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
    })
    const list = fc.uniqueArray(server, {
      selector: ({ name }) => name,
      minLength: 2,
      maxLength: 9,
    })
    fc.assert(
      fc.property(
        list,
        fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        (servers, seed) => {
          const ring = createRing({ servers, seed })
          const leaving = servers.slice(0, Math.ceil(servers.length / 3)).map(({ name }) => name)
          const left = ring.without(leaving)
          const fresh = createRing({
            servers: servers.filter(({ name }) => !leaving.includes(name)),
            seed,
          })
          const keys = Array.from({ length: 500 }, (_, i) => `key:${i}`)
          const wrong = keys.filter((key) => {
            const before = ring.locate(key)
            const after = left.locate(key)
            if (after !== fresh.locate(key)) return true
            return leaving.includes(before) ? leaving.includes(after) : after !== before
          })
          expect(wrong).toEqual([])
        },
      ),
      { numRuns: 10 },
    )
  })

  it('does not depend on the order of the list', () => {
    const servers = serverList(12).map((server, i) => ({ ...server, weight: 1 + (i % 3) }))
    const ring = createRing({ servers })
    const reversed = createRing({ servers: [...servers].reverse() })
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}`)
    expect(keys.filter((key) => reversed.locate(key) !== ring.locate(key))).toEqual([])
  })

  it('puts at most 38 % of 20,000 keys crafted for one of three servers there, when seeded', () => {
    const servers = serverList(3)
    const open = createRing({ servers })
    const otherSecret = createRing({ servers, seed: 'another secret' })
    const ours = createRing({ servers, seed: 'our secret' })
    for (const known of [open, otherSecret]) {
      const crafted: string[] = []
      for (let i = 0; crafted.length < 20_000; i++) {
        if (known.locateIndex(`attack:${i}`) === 0) crafted.push(`attack:${i}`)
      }
      const hits = crafted.filter((key) => ours.locateIndex(key) === 0).length
      expect(hits / crafted.length).toBeLessThan(0.38)
    }
  })

  it('spreads with any named hash, one of 15 bits included', () => {
    for (const hash of ['crc32', 'crc16', 'md5', 'fnv1a_32'] as const) {
      const ring = createRing({ servers: serverList(4), hash })
      expect(Math.max(...loads(ring, 4, 40_000))).toBeLessThan(1.1)
    }
  })
})

describe('every ring', () => {
  const kinds: [string, Omit<RingOptions, 'servers'>][] = [
    ['slots', {}],
    ['ketama', { distribution: 'ketama' }],
    ['modula', { distribution: 'modula' }],
    ['rendezvous', { distribution: 'rendezvous' }],
    ['twemproxy', { compat: 'twemproxy' }],
    ['libmemcached', { compat: 'libmemcached', distribution: 'ketama_weighted' }],
    ['pymemcache', { compat: 'pymemcache' }],
  ]

  it.each(kinds)('%s takes a text for its UTF-8 bytes', (_kind, options) => {
    const ring = createRing({ servers: serverList(5), ...options })
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (key) => {
        expect(ring.locateIndex(new TextEncoder().encode(key))).toBe(ring.locateIndex(key))
      }),
    )
  })

  it.each(kinds)('%s explains what it does', (_kind, options) => {
    const ring = createRing({ servers: serverList(5), ...options })
    for (const key of ['a', 'user:1', 'é', '']) {
      const { hashed, hash, point, server } = ring.explain(key)
      expect(hashed).toBe(key)
      expect(server).toBe(ring.locate(key))
      expect(hash).toBe(hash! >>> 0)
      expect(point).toBe(point! >>> 0)
    }
  })

  it.each(kinds)('%s sends everything to its only server', (_kind, options) => {
    const ring = createRing({ servers: serverList(1), ...options })
    expect(['', 'a', 'é'].map(ring.locate)).toEqual(new Array(3).fill('10.0.0.1:11211'))
  })

  it.each(kinds)('%s keeps the positions of the list while servers are out', (_kind, options) => {
    const servers = serverList(5)
    const left = createRing({ servers, ...options })
      .without('10.0.0.1:11211')
      .without(['10.0.0.3:11211'])
    expect(left.servers.map(({ name }) => name)).toEqual([
      '10.0.0.2:11211',
      '10.0.0.4:11211',
      '10.0.0.5:11211',
    ])
    for (let i = 0; i < 200; i++) {
      const index = left.locateIndex(`k${i}`)
      expect([1, 3, 4]).toContain(index)
      expect(left.locate(`k${i}`)).toBe(servers[index]!.name)
    }
  })

  it.each(kinds)('%s refuses a key that is neither text nor bytes', (_kind, options) => {
    const ring = createRing({ servers: serverList(5), ...options })
    for (const key of [7, undefined, null, {}, ['a'], [1, 2]]) {
      expect(() => ring.locate(key as unknown as string)).toThrow(KeyError)
    }
  })

  it('refuses to leave out a stranger, or everybody', () => {
    const ring = createRing({ servers: serverList(2) })
    expect(() => ring.without('10.0.0.9:11211')).toThrow(/not in the ring: '10\.0\.0\.9:11211'/)
    expect(() => ring.without(['10.0.0.1:11211', '10.0.0.2:11211'])).toThrow(/at least one server/)
    expect(ring.without([]).locate('a')).toBe(ring.locate('a'))
    for (const names of [5, undefined, { name: 'a' }])
      expect(() => ring.without(names as unknown as string)).toThrow(/name of a server, or an arr/)
  })

  it('cannot be changed', () => {
    const ring = createRing({ servers: serverList(2) })
    expect(Object.isFrozen(ring)).toBe(true)
    expect(Object.isFrozen(ring.servers)).toBe(true)
  })
})

describe('a ketama ring', () => {
  const servers = serverList(6).map((server, i) => ({ ...server, weight: 1 + i }))

  it('keeps its shape when a server is out, and follows twemproxy only in compat mode', () => {
    const ring = createRing({ servers, distribution: 'ketama' })
    const left = ring.without('10.0.0.6:11211')
    const follower = createRing({ servers, compat: 'twemproxy', hash: 'murmur' })
    const followerLeft = follower.without('10.0.0.6:11211')
    let followerMoved = 0
    for (let i = 0; i < 20_000; i++) {
      const before = ring.locateIndex(`k${i}`)
      if (before !== 5) expect(left.locateIndex(`k${i}`)).toBe(before)
      const followed = follower.locateIndex(`k${i}`)
      if (followed !== 5 && followerLeft.locateIndex(`k${i}`) !== followed) followerMoved++
    }
    expect(followerMoved).toBeGreaterThan(0)
  })
})

describe('a random ring', () => {
  it('follows the chance it is given and looks at neither keys nor weights', () => {
    const draws = [0, 0.34, 0.67, 0.999999, 0]
    const ring = createRing({
      servers: [{ name: 'a', weight: 100 }, { name: 'b' }, { name: 'c' }],
      distribution: 'random',
      random: () => draws.shift()!,
    })
    expect(Array.from({ length: 5 }, () => ring.locate('key'))).toEqual(['a', 'b', 'c', 'c', 'a'])
  })

  it('has nothing to explain but the draw', () => {
    const ring = createRing({ servers: serverList(2), distribution: 'random', random: () => 0.6 })
    expect(ring.explain('key')).toEqual({
      hashed: 'key',
      hash: undefined,
      point: undefined,
      server: '10.0.0.2:11211',
    })
  })
})

describe('compareRings', () => {
  const ring = createRing({ servers: serverList(4) })

  it('refuses what is no ring, and what are no keys', () => {
    const compare = compareRings as (...given: unknown[]) => unknown
    expect(() => compare(ring, {})).toThrow(/needs two rings of createRing/)
    expect(() => compare(undefined, ring)).toThrow(/needs two rings of createRing/)
    for (const keys of [5, 'user:1', null])
      expect(() => compare(ring, ring, keys)).toThrow(/keys as/)
  })

  it('finds nothing between a ring and itself', () => {
    const { moved, perServer } = compareRings(
      ring,
      createRing({ servers: serverList(4).reverse() }),
    )
    expect(moved).toBe(0)
    for (const server of Object.values(perServer)) {
      expect(server.before).toBe(server.after)
      expect(server.gained + server.lost).toBe(0)
    }
  })

  it('tells what a new server takes, and from whom', () => {
    const { moved, perServer } = compareRings(ring, createRing({ servers: serverList(5) }))
    expect(moved).toBeGreaterThan(0.19)
    expect(moved).toBeLessThan(0.21)
    const joined = perServer['10.0.0.5:11211']!
    expect(joined.before).toBe(0)
    expect(joined.gained).toBe(moved)
    const lost = Object.values(perServer).reduce((sum, server) => sum + server.lost, 0)
    expect(lost).toBeCloseTo(moved, 10)
  })

  it('counts the keys it is given, bytes and text', () => {
    const keys = ['a', new TextEncoder().encode('b'), 'c']
    const { perServer } = compareRings(ring, ring.without('10.0.0.1:11211'), keys)
    const shares = Object.values(perServer).map((server) => server.before)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 10)
  })

  it('refuses rings of chance and empty lists of keys', () => {
    const random = createRing({ servers: serverList(4), distribution: 'random' })
    expect(() => compareRings(ring, random)).toThrow(/'random'/)
    expect(() => compareRings(ring, ring, [])).toThrow(/at least one key/)
  })
})
