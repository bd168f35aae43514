import { randomBytes } from 'node:crypto'
import { StoreError } from '@holdfast/core'
import { beside } from '@holdfast/lab/beside'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedProtocol, memcachedStore } from '../src/index.ts'
import { ask, endsOf, keysOf } from './clients/text-client.ts'

const minute = { ttlMs: 60_000 }
const MiB = 1024 * 1024
const same = (found: Uint8Array | undefined, stored: Uint8Array) =>
  found !== undefined && Buffer.compare(found, stored) === 0
const patient = { commandTimeout: '20s', connectTimeout: '20s' } as const

describe.each<MemcachedProtocol>(['binary', 'meta'])(
  'large values over the %s protocol',
  (protocol) => {
    let server: MemcachedServer
    let store: ReturnType<typeof memcachedStore>
    beforeAll(async () => {
      server = await startMemcached({ args: ['-m', '256'] })
      store = memcachedStore({ servers: [server.address], protocol, ...patient })
    })
    afterAll(async () => {
      await store.close()
      await server.kill()
    })
    const chunksOn = async () =>
      (await keysOf(server.port)).filter((key) => key.startsWith('~hf:c:'))
    const endsIn = async (keys: readonly string[]) => {
      const ends = await endsOf(server.port)
      return keys.map((key) => ends.get(key)!)
    }
    const forget = (keys: readonly string[]) =>
      ask(
        server.port,
        keys.map((key) => `delete ${key}\r\n`).join(''),
        /(DELETED\r\n|NOT_FOUND\r\n)$/,
      )

    test('every size around one item comes back, under short keys and long ones', async () => {
      for (const key of ['short', 'k'.repeat(8_192)]) {
        for (const size of [MiB - 9_000, MiB - 513, MiB - 512, MiB - 511, MiB, MiB + 1, 3 * MiB]) {
          const value = randomBytes(size)
          await store.set(key, value, minute)
          expect(same(await store.get(key), value), `${size} bytes`).toBe(true)
        }
      }
    })

    test('one that lost a part is a miss, is counted, and makes room for a claim', async () => {
      const value = randomBytes(4 * MiB)
      for (const one of [0, 1, 2, 3]) {
        const { damaged = 0 } = await store.metrics()
        const before = new Set(await chunksOn())
        await store.set('torn', value, minute)
        const added = (await chunksOn()).filter((key) => !before.has(key)).sort()
        // The server's list may have left out a part of an older value before.
        const setOf = (key: string) => key.slice(0, key.lastIndexOf(':'))
        const chunks = added.filter(
          (key) => added.filter((other) => setOf(other) === setOf(key)).length === 4,
        )
        expect(chunks).toHaveLength(4)
        expect(same(await store.get('torn'), value)).toBe(true)
        await forget([chunks[one]!])
        expect(await store.get('torn')).toBeUndefined()
        expect(await store.getMany(['torn'])).toEqual([undefined])
        expect((await store.metrics()).damaged).toBe(damaged + 2)
        const claim = Buffer.from('a claim')
        expect(await store.add('torn', claim, minute)).toBeUndefined()
        expect(same(await store.get('torn'), claim)).toBe(true)
      }
    })

    test('is compared by its head and replaced, from small to large and back, and by its whole self', async () => {
      const large = randomBytes(2 * MiB)
      const head = large.subarray(0, 17)
      const small = Buffer.concat([head, Buffer.from('small')])
      await store.set('swapped', small, minute)
      expect(await store.replace('swapped', head, large, minute)).toBe(true)
      expect(same(await store.get('swapped'), large)).toBe(true)
      expect(await store.replace('swapped', randomBytes(17), small, minute)).toBe(false)
      expect(await store.replace('swapped', Buffer.concat([large, small]), small, minute)).toBe(
        false,
      )
      expect(await store.replace('swapped', large, small, minute)).toBe(true)
      expect(same(await store.get('swapped'), small)).toBe(true)
      expect(same(await store.add('swapped', large, minute), small)).toBe(true)
      await store.delete('swapped')
      expect(await store.add('swapped', large, minute)).toBeUndefined()
      expect(same(await store.add('swapped', small, minute), large)).toBe(true)
    })

    test('is touched with all its parts', async () => {
      const value = randomBytes(2 * MiB)
      const before = new Set(await chunksOn())
      await store.set('touched', value, { ttlMs: 2_000 })
      const parts = (await chunksOn()).filter((key) => !before.has(key))
      expect(parts).toHaveLength(2)
      const longest = Math.max(...(await endsIn(['touched', ...parts])))
      expect(await store.touch('touched', minute)).toBe(true)
      const [own, ...theirs] = await endsIn(['touched', ...parts])
      expect(own! - longest).toBeGreaterThan(50)
      // They end after what tells of them.
      expect(Math.min(...theirs)).toBeGreaterThan(own!)
      expect(same(await store.get('touched'), value)).toBe(true)
    })

    test('two writers of one key: every reader gets one of the two, whole, or none', async () => {
      const values = [randomBytes(2 * MiB), randomBytes(2 * MiB)]
      let whole = 0
      const stopReading = beside(async (isOn) => {
        while (isOn()) {
          const found = await store.get('contended')
          if (found === undefined) continue
          expect(values.some((value) => same(found, value))).toBe(true)
          whole++
        }
      })
      await Promise.all(
        values.map(async (value) => {
          for (let times = 0; times < 10; times++) await store.set('contended', value, minute)
        }),
      )
      await stopReading()
      expect(whole).toBeGreaterThan(0)
    })

    test('beyond maxValueBytes is refused before anything is sent', async () => {
      const before = new Set(await chunksOn())
      const refused = store.set('too large', randomBytes(8 * MiB + 1), minute)
      await expect(refused).rejects.toMatchObject({ kind: 'too-large' })
      await expect(refused).rejects.toThrow(/maxValueBytes/)
      expect((await chunksOn()).filter((key) => !before.has(key))).toEqual([])
    })

    test('a server with smaller items than it was said to have refuses, and the message names itemBytes', async () => {
      const strict = await startMemcached({ args: ['-I', '512k'] })
      const mistaken = memcachedStore({ servers: [strict.address], protocol, ...patient })
      const right = memcachedStore({
        servers: [strict.address],
        protocol,
        ...patient,
        itemBytes: 524_288,
      })
      try {
        const value = randomBytes(900_000)
        const refused = mistaken.set('a', value, minute)
        await expect(refused).rejects.toBeInstanceOf(StoreError)
        await expect(refused).rejects.toMatchObject({ kind: 'too-large' })
        await expect(refused).rejects.toThrow(/itemBytes/)
        expect(await mistaken.get('a')).toBeUndefined()
        await right.set('a', value, minute)
        expect(same(await right.get('a'), value)).toBe(true)
        // How it was cut stands with the value.
        expect(same(await mistaken.get('a'), value)).toBe(true)
      } finally {
        await Promise.all([mistaken.close(), right.close()])
        await strict.kill()
      }
    })
  },
)
