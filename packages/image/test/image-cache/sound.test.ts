import { createCipheriv, createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { encryptedStore, memoryStore, type Store } from '@holdfast/core'
import { canaryKey } from '@holdfast/lab/canary'
import { afterEach, expect, test, vi } from 'vitest'
import { diskStore } from '../../src/disk-store/disk-store.ts'
import { setup, url } from './origin.ts'
import { png } from './pictures.ts'

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>()
  return {
    ...crypto,
    createHash: vi.fn(crypto.createHash),
    createCipheriv: vi.fn(crypto.createCipheriv),
  }
})

vi.mock('node:zlib', async (original) => {
  const zlib = await original<typeof import('node:zlib')>()
  return { ...zlib, crc32: vi.fn(zlib.crc32) }
})

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const large = Buffer.concat([png(2, 3), Buffer.alloc(50_000, 7)])

async function over(store: Store) {
  const made = await setup({}, { store, memory: false, bus: false })
  closing.push(() => made.close())
  made.origin.answer = () => ({ body: large, headers: { 'cache-control': 'max-age=600' } })
  expect((await made.images.get(url)).status).toBe('miss')
  return made
}

/** How many times as many bytes as the image has went through SHA-256, and through the disk's GMAC, for one hit. */
async function hashedBy(made: Awaited<ReturnType<typeof over>>) {
  const real = await vi.importActual<typeof import('node:crypto')>('node:crypto')
  const bytes = { sha256: 0, gmac: 0 }
  vi.mocked(createHash).mockImplementation((...args) => {
    const hash = real.createHash(...args)
    const update = hash.update.bind(hash) as (data: Uint8Array) => typeof hash
    hash.update = (data: Uint8Array | string) => {
      bytes.sha256 += data.length
      return update(data as Uint8Array)
    }
    return hash
  })
  vi.mocked(createCipheriv).mockImplementation(((...args: Parameters<typeof createCipheriv>) => {
    const cipher = real.createCipheriv(...args) as import('node:crypto').CipherGCM
    const setAAD = cipher.setAAD.bind(cipher)
    cipher.setAAD = (data, options) => {
      bytes.gmac += data.byteLength
      return setAAD(data, options)
    }
    return cipher
  }) as typeof createCipheriv)
  expect((await made.images.get(url)).status).toBe('hit')
  vi.mocked(createHash).mockImplementation(real.createHash)
  vi.mocked(createCipheriv).mockImplementation(real.createCipheriv)
  const times = (counted: number) => Math.round(counted / large.length)
  return { sha256: times(bytes.sha256), gmac: times(bytes.gmac) }
}

async function disk(): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-sound-'))
  closing.push(() => rm(directory, { recursive: true, force: true }))
  return diskStore({ directory, maxBytes: 1e7 })
}

test('what a disk hands out is hashed once, by the disk', async () => {
  expect(await hashedBy(await over(await disk()))).toEqual({ sha256: 0, gmac: 1 })
})

const isLarge = ([bytes]: Parameters<typeof crc32>) =>
  Buffer.from(bytes as Uint8Array).length > 1_000

test('what a disk hands out goes through no checksum above it', async () => {
  const made = await over(await disk())
  vi.mocked(crc32).mockClear()
  expect((await made.images.get(url)).status).toBe('hit')
  expect(vi.mocked(crc32).mock.calls.filter(isLarge)).toEqual([])
  const other = await over(memoryStore())
  vi.mocked(crc32).mockClear()
  expect((await other.images.get(url)).status).toBe('hit')
  expect(vi.mocked(crc32).mock.calls.filter(isLarge)).toHaveLength(1)
})

test('what another store hands out is hashed once, by the images', async () => {
  expect(await hashedBy(await over(memoryStore()))).toEqual({ sha256: 1, gmac: 0 })
})

test('where something stands between disk and images, both hash', async () => {
  const keys = [{ id: 'a', secret: canaryKey('sound') }]
  const encrypted = encryptedStore(await disk(), { keys })
  expect(await hashedBy(await over(encrypted))).toEqual({ sha256: 1, gmac: 1 })
})

test('bytes that a checksum takes for right are found out, told of, and downloaded again', async () => {
  const inner = memoryStore()
  let isLying = false
  const { origin, images, cache } = await over({
    ...{ name: 'lying', capabilities: inner.capabilities },
    set: (key, bytes, keep) => inner.set(key, bytes, keep),
    delete: (key) => inner.delete(key),
    async get(key) {
      const bytes = await inner.get(key)
      if (!isLying || bytes === undefined || bytes.length < large.length) return bytes
      const lie = Buffer.from(bytes)
      lie[lie.length - 100]! ^= 1
      lie.writeUInt32LE(crc32(lie.subarray(0, -4)), lie.length - 4)
      return lie
    },
  })
  const refused: string[] = []
  cache.on('refused', ({ reason }) => refused.push(reason))
  expect((await images.get(url)).status).toBe('hit')
  isLying = true
  const again = await images.get(url)
  expect([again.status, large.equals(again.body)]).toEqual(['miss', true])
  expect(refused).toEqual(['integrity'])
  expect(origin.hits).toBe(2)
})
