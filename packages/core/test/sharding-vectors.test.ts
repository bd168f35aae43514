import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { HashName } from '../src/sharding/hashes/named-hashes.ts'
import { parseNutcracker } from '../src/sharding/nutcracker/parse-nutcracker.ts'
import { createRing, type Ring } from '../src/sharding/ring.ts'
import type { Distribution } from '../src/sharding/ring-options.ts'

const fixtures = new URL('./fixtures/sharding/', import.meta.url)
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'))
const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

type VectorKey = string | { readonly b64: string }
const keyOf = (key: VectorKey) =>
  typeof key === 'string' ? key : new Uint8Array(Buffer.from(key.b64, 'base64'))

/** How many keys are where they were measured, by index and by name. */
function countAgreement(
  ring: Ring,
  names: readonly string[],
  keys: readonly VectorKey[],
  expected: string,
): number {
  let agreed = 0
  keys.forEach((raw, i) => {
    const key = keyOf(raw)
    const index = digits.indexOf(expected[i]!)
    if (ring.locateIndex(key) === index && ring.locate(key) === names[index]) agreed++
  })
  return agreed
}

interface TwemproxyVectors {
  readonly about: string
  readonly yml: string
  readonly statsNames: readonly string[]
  readonly keys: readonly VectorKey[]
  readonly pools: Record<
    string,
    { expected: string; ejected?: readonly number[]; afterEjection?: string }
  >
}

const twemproxyFiles = readdirSync(new URL('twemproxy/', fixtures)).filter(
  (name) => name !== 'conf.json' && name !== 'ejection-traces.json',
)

describe("twemproxy's measured decisions, from the yml and the pool's name alone", () => {
  let decisions = 0
  for (const file of twemproxyFiles) {
    const vectors = read(`twemproxy/${file}`) as TwemproxyVectors
    it(`agrees on ${file}: ${vectors.about}`, () => {
      const { pools } = parseNutcracker(vectors.yml)
      for (const [name, { expected, ejected = [], afterEjection }] of Object.entries(
        vectors.pools,
      )) {
        const pool = pools[name]!
        const names = pool.servers.map((server) => server.name)
        expect([...names].sort()).toEqual([...vectors.statsNames].sort())
        const ring = createRing(pool)
        const agreed = countAgreement(ring, names, vectors.keys, expected)
        expect(agreed, name).toBe(vectors.keys.length)
        decisions += agreed
        if (afterEjection === undefined) continue
        const left = ring.without(ejected.map((index) => names[index]!))
        const agreedAfter = countAgreement(left, names, vectors.keys, afterEjection)
        expect(agreedAfter, `${name} after ejection`).toBe(vectors.keys.length)
        decisions += agreedAfter
      }
    })
  }

  it('covers all 287,875 of them', () => {
    expect(decisions).toBe(287_875)
  })
})

describe("libmemcached's measured decisions", () => {
  const vectors = read('libmemcached.json') as {
    lists: Record<string, { servers: readonly string[]; expected: Record<string, string> }>
    keys: readonly VectorKey[]
  }
  let decisions = 0
  for (const [list, { servers, expected }] of Object.entries(vectors.lists)) {
    it(`agrees on ${list}, in every mode and with every hash`, () => {
      const ringServers = servers.map((line) => {
        const [host, port, weight] = line.split(' ')
        return { name: `${host}:${port}`, weight: Number(weight) }
      })
      const names = ringServers.map(({ name }) => name)
      for (const [entry, choices] of Object.entries(expected)) {
        const [mode, hash] = entry.split('/')
        const ring = createRing({
          servers: ringServers,
          compat: 'libmemcached',
          distribution: mode as Distribution,
          hash: hash === 'none' ? undefined : (hash as HashName),
        })
        const agreed = countAgreement(ring, names, vectors.keys, choices)
        expect(agreed, entry).toBe(vectors.keys.length)
        decisions += agreed
      }
    })
  }

  it('covers all 88,000 of them', () => {
    expect(decisions).toBe(88_000)
  })
})

describe("libmemcached's measured decisions for Unix sockets", () => {
  const { servers, expected } = read('libmemcached-sockets.json') as {
    servers: readonly string[]
    expected: Record<string, string>
  }
  const keys = Array.from({ length: 200 }, (_, i) => `key:${i}`)

  it.each(Object.entries(expected))('agrees in mode %s', (mode, choices) => {
    const compat = 'libmemcached'
    const distribution = mode as Distribution
    const bare = createRing({ compat, distribution, servers: servers.map((name) => ({ name })) })
    expect(countAgreement(bare, servers, keys, choices)).toBe(keys.length)
    const [a, b, host] = servers
    const paths = [{ path: a }, { path: b }, { name: host }]
    const given = createRing({ compat, distribution, servers: paths })
    expect(countAgreement(given, servers, keys, choices)).toBe(keys.length)
  })
})

describe("pymemcache's measured decisions", () => {
  const vectors = read('pymemcache.json') as {
    lists: Record<string, { servers: readonly string[]; expected: string }>
    keys: readonly string[]
  }
  for (const [list, { servers, expected }] of Object.entries(vectors.lists)) {
    it(`agrees on ${list}, for text that is no ASCII too`, () => {
      const ring = createRing({ servers: servers.map((name) => ({ name })), compat: 'pymemcache' })
      expect(countAgreement(ring, servers, vectors.keys, expected)).toBe(vectors.keys.length)
    })
  }
})

describe("nutcracker's verdicts on configurations", () => {
  const { cases } = read('twemproxy/conf.json') as {
    cases: readonly {
      id: string
      accepted: boolean
      yml: string
      pools?: readonly { name: string; servers: readonly string[] }[]
    }[]
  }
  for (const { id, accepted, yml, pools = [] } of cases) {
    it(`${accepted ? 'takes' : 'refuses'} ${id}`, () => {
      if (!accepted) {
        expect(() => parseNutcracker(yml)).toThrow(/^nutcracker\.yml, line \d+, column \d+: /)
        return
      }
      const found = Object.values(parseNutcracker(yml).pools)
      expect(found.map(({ name }) => name)).toEqual(pools.map(({ name }) => name))
      found.forEach((pool, i) => {
        expect(pool.servers.map(({ name }) => name).sort()).toEqual([...pools[i]!.servers].sort())
        expect(() => createRing(pool)).not.toThrow()
      })
    })
  }
})
