import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCache, InvalidOptionError } from '@holdfast/core'
import { fakeClock, storeConformance } from '@holdfast/core/testing'
import { afterEach, describe, expect, it, test } from 'vitest'
import { diskStore } from './disk-store.ts'

const minute = { ttlMs: 60_000 }
const text = (value: string) => new TextEncoder().encode(value)
const words = (stored: Uint8Array | undefined) => stored && Buffer.from(stored).toString()
const made: string[] = []

async function folder(): Promise<string> {
  const directory = await fs.mkdtemp(join(tmpdir(), 'holdfast-disk-'))
  made.push(directory)
  return directory
}

afterEach(async () => {
  for (const directory of made.splice(0)) await fs.rm(directory, { recursive: true, force: true })
})

const nameOf = (key: string) => createHash('sha256').update(key).digest('hex')
function pathOf(directory: string, key: string): string {
  const name = nameOf(key)
  return join(directory, name.slice(0, 2), name.slice(2, 4), name)
}

async function filesIn(directory: string): Promise<string[]> {
  const all = await fs.readdir(directory, { recursive: true, withFileTypes: true })
  return all.filter((found) => !found.isDirectory()).map(({ name }) => name)
}

async function sizeOf(directory: string): Promise<number> {
  const all = await fs.readdir(directory, { recursive: true, withFileTypes: true })
  let bytes = 0
  for (const found of all) {
    if (found.isFile()) bytes += (await fs.stat(join(found.parentPath, found.name))).size
  }
  return bytes
}

describe('the disk store passes the conformance suite', () => {
  const maxBytes = 40_000_000
  const cases = storeConformance({
    async create() {
      const clock = fakeClock()
      const store = diskStore({ directory: await folder(), maxBytes, clock })
      return { store, advance: (ms) => clock.advance(ms) }
    },
    capabilities: diskStore({ directory: join(tmpdir(), 'holdfast-none'), maxBytes }).capabilities,
    methods: ['list', 'metrics', 'close'],
  })
  test.each(cases)('$name', async ({ run }) => {
    expect(await run()).toEqual({})
  })
})

describe('what is found damaged', () => {
  const damages: Record<string, (path: string) => Promise<unknown>> = {
    'an empty file': (path) => fs.truncate(path, 0),
    'a cut file': async (path) => fs.truncate(path, (await fs.stat(path)).size - 1),
    'one flipped bit': async (path) => {
      const file = await fs.readFile(path)
      file[file.length - 1]! ^= 1
      await fs.writeFile(path, file)
    },
    'bytes of somebody else': (path) => fs.writeFile(path, 'not ours at all'.repeat(20)),
    'an entry of another key': async (path) => {
      const other = diskStore({ directory: made[0]!, maxBytes: 1e6 })
      await other.set('other', text('of another'), minute)
      await other.close()
      await fs.copyFile(pathOf(made[0]!, 'other'), path)
    },
    'a link to an entry': async (path) => {
      await fs.rename(path, `${path}-moved`)
      await fs.symlink(`${path}-moved`, path)
    },
    'an empty folder': async (path) => {
      await fs.rm(path)
      await fs.mkdir(path)
    },
  }
  for (const [what, damage] of Object.entries(damages)) {
    it(`is a miss, is counted and goes: ${what}`, async () => {
      const directory = await folder()
      const store = diskStore({ directory, maxBytes: 1e6 })
      await store.set('K', text('a value'), minute)
      expect(words(await store.get('K'))).toBe('a value')
      await damage(pathOf(directory, 'K'))
      expect(await store.get('K')).toBeUndefined()
      expect((await store.metrics()).damaged).toBe(1)
      await expect(fs.lstat(pathOf(directory, 'K'))).rejects.toMatchObject({ code: 'ENOENT' })
      await store.set('K', text('again'), minute)
      expect(words(await store.get('K'))).toBe('again')
      await store.close()
    })
  }

  it('is removed at the start where a stat shows it, and nothing of somebody else is', async () => {
    const directory = await folder()
    const first = diskStore({ directory, maxBytes: 1e6 })
    await first.set('kept', text('1'), minute)
    await first.set('emptied', text('2'), minute)
    await first.close()
    await fs.truncate(pathOf(directory, 'emptied'), 0)
    await fs.writeFile(join(directory, 'README'), '')
    await fs.mkdir(join(directory, 'ab'), { recursive: true })
    await fs.writeFile(join(directory, 'ab', 'notes.txt'), '')
    await fs.symlink('/', join(directory, 'cd'))
    const store = diskStore({ directory, maxBytes: 1e6 })
    expect(await store.metrics()).toMatchObject({ damaged: 1, entries: 1 })
    expect((await filesIn(directory)).sort()).toEqual(
      ['README', 'cd', nameOf('kept'), 'notes.txt'].sort(),
    )
    await store.close()
  })

  it('is no way out of the folder: a link in the place of a folder is not followed', async () => {
    const directory = await folder()
    const elsewhere = await folder()
    const name = nameOf('K')
    await fs.symlink(elsewhere, join(directory, name.slice(0, 2)))
    const store = diskStore({ directory, maxBytes: 1e6 })
    expect(await store.get('K')).toBeUndefined()
    await store.set('K', text('inside'), minute)
    expect(words(await store.get('K'))).toBe('inside')
    expect(await fs.readdir(elsewhere)).toEqual([])
    await store.close()
  })
})

describe('temporary files', () => {
  it('go when they are an hour old, at the start and later, and stay while somebody may be writing them', async () => {
    const directory = await folder()
    const clock = fakeClock({ now: Date.now() })
    const name = nameOf('x')
    const inside = join(directory, name.slice(0, 2), name.slice(2, 4))
    await fs.mkdir(inside, { recursive: true })
    const old = join(inside, '.tmp-0000000000000001')
    const young = join(inside, '.tmp-0000000000000002')
    await fs.writeFile(old, 'half')
    await fs.writeFile(young, 'half')
    const before = (clock.now() - 3_700_000) / 1_000
    await fs.utimes(old, before, before)
    const store = diskStore({ directory, maxBytes: 1e6, clock })
    await store.metrics()
    expect(await filesIn(directory)).toEqual(['.tmp-0000000000000002'])
    await clock.advance('2h')
    await store.set('a', text('1'), minute)
    await store.metrics()
    expect(await filesIn(directory)).toEqual([nameOf('a')])
    await store.close()
  })

  it('are not left by writes, also by those that fail', async () => {
    const directory = await folder()
    const store = diskStore({ directory, maxBytes: 1e7 })
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        store.set(`key ${index % 20}`, new Uint8Array(1_000), minute),
      ),
    )
    // A folder that is not empty in the place of an entry: nothing can be renamed over it.
    await fs.mkdir(join(pathOf(directory, 'blocked'), 'inside'), { recursive: true })
    await expect(store.set('blocked', text('1'), minute)).rejects.toMatchObject({
      name: 'StoreError',
      store: 'disk',
      operation: 'set',
    })
    expect((await filesIn(directory)).filter((name) => name.startsWith('.tmp'))).toEqual([])
    await store.close()
  })
})

describe('the bounds', () => {
  it('hold in bytes: what was unused longest goes, down to nine tenths', async () => {
    const directory = await folder()
    const clock = fakeClock({ now: Date.now() })
    const store = diskStore({ directory, maxBytes: 100_000, clock })
    for (let index = 0; index < 50; index++) {
      await store.set(`key ${index}`, new Uint8Array(5_000), minute)
      await store.get('key 0')
      expect((await store.metrics()).usedBytes).toBeLessThanOrEqual(100_000)
    }
    expect(await store.get('key 0')).toBeDefined()
    expect(await store.get('key 1')).toBeUndefined()
    expect(await store.get('key 49')).toBeDefined()
    expect(await sizeOf(directory)).toBeLessThanOrEqual(100_000)
    expect((await store.metrics()).evictions).toBeGreaterThan(29)
    await store.close()
  })

  it('hold in number', async () => {
    const directory = await folder()
    const store = diskStore({ directory, maxBytes: 1e6, maxEntries: 10 })
    for (let index = 0; index < 30; index++) await store.set(`key ${index}`, text('1'), minute)
    expect((await filesIn(directory)).length).toBeLessThanOrEqual(10)
    expect(words(await store.get('key 29'))).toBe('1')
    await store.close()
  })

  it('hold for a folder that was over them at the start', async () => {
    const directory = await folder()
    const first = diskStore({ directory, maxBytes: 1e6 })
    for (let index = 0; index < 30; index++) {
      await first.set(`key ${index}`, new Uint8Array(5_000), minute)
      const at = Date.now() / 1_000 - 3_000 + index * 60
      await fs.utimes(pathOf(directory, `key ${index}`), at, at)
    }
    await first.close()
    const store = diskStore({ directory, maxBytes: 50_000 })
    expect((await store.metrics()).usedBytes).toBeLessThanOrEqual(50_000)
    expect(await sizeOf(directory)).toBeLessThanOrEqual(50_000)
    expect(await store.get('key 0')).toBeUndefined()
    expect(await store.get('key 29')).toBeDefined()
    await store.close()
  })

  it('spare what another store on the folder uses, and count what it wrote', async () => {
    const directory = await folder()
    const clock = fakeClock({ now: Date.now() + 3_600_000 })
    const one = diskStore({ directory, maxBytes: 100_000, clock })
    const two = diskStore({ directory, maxBytes: 100_000, clock })
    await one.set('shared', new Uint8Array(5_000), { ttlMs: Infinity })
    await clock.advance('10m')
    expect(await two.get('shared')).toBeDefined()
    await two.metrics()
    for (let index = 0; index < 30; index++) {
      await one.set(`key ${index}`, new Uint8Array(5_000), { ttlMs: Infinity })
    }
    expect(await one.get('shared')).toBeDefined()
    for (let index = 0; index < 30; index++) {
      await two.set(`two ${index}`, new Uint8Array(5_000), { ttlMs: Infinity })
    }
    await two.metrics()
    expect(await sizeOf(directory)).toBeLessThanOrEqual(125_000)
    await Promise.all([one.close(), two.close()])
  })
})

describe('the disk store', () => {
  it('keeps entries over a restart, each until its own end', async () => {
    const directory = await folder()
    const clock = fakeClock({ now: Date.now() })
    const first = diskStore({ directory, maxBytes: 1e6, clock })
    await first.set('short', text('1'), { ttlMs: 1_000 })
    await first.set('long', text('2'), { ttlMs: 100_000 })
    await first.close()
    await clock.advance(5_000)
    const second = diskStore({ directory, maxBytes: 1e6, clock })
    expect(await second.get('short')).toBeUndefined()
    expect(words(await second.get('long'))).toBe('2')
    expect((await second.metrics()).damaged).toBe(0)
    expect(await filesIn(directory)).toEqual([nameOf('long')])
    await second.close()
  })

  it('names files by a hash, readable by their owner alone', async () => {
    const directory = join(await folder(), 'made', 'by', 'the', 'store')
    const store = diskStore({ directory, maxBytes: 1e6 })
    await store.set('../../etc/passwd', text('1'), minute)
    const path = pathOf(directory, '../../etc/passwd')
    expect((await fs.stat(path)).mode & 0o777).toBe(0o600)
    expect((await fs.stat(directory)).mode & 0o777).toBe(0o700)
    await store.close()
  })

  it('leaves no empty folders: not after deletes, not after evictions, not those it finds at the start', async () => {
    const directory = await folder()
    const leaves = async () =>
      (await fs.readdir(directory, { recursive: true }))
        .filter((path) => /^..[/\\]..$/.test(path))
        .map((path) => path.replace(/\W/, ''))
    const store = diskStore({ directory, maxBytes: 1e6, maxEntries: 20 })
    for (let index = 0; index < 60; index++) await store.set(`key ${index}`, text('1'), minute)
    const kept = (await filesIn(directory)).map((name) => name.slice(0, 4))
    expect(kept.length).toBeLessThanOrEqual(20)
    expect((await leaves()).sort()).toEqual([...new Set(kept)].sort())
    for (let index = 0; index < 60; index++) await store.delete(`key ${index}`)
    expect(await leaves()).toEqual([])
    await store.set('key 1', text('2'), minute)
    expect(words(await store.get('key 1'))).toBe('2')
    await store.close()
    await fs.mkdir(join(directory, 'ab', 'cd'), { recursive: true })
    await fs.mkdir(join(directory, 'ab', 'ef'))
    await fs.writeFile(join(directory, 'ab', 'ef', 'notes.txt'), '')
    await fs.mkdir(join(directory, 'ab', 'of somebody else'))
    const second = diskStore({ directory, maxBytes: 1e6 })
    await second.metrics()
    expect(await fs.readdir(join(directory, 'ab'))).toEqual(['ef', 'of somebody else'])
    await second.close()
  })

  it('writes into a folder that others take away again and again', async () => {
    const directory = await folder()
    const open = () => diskStore({ directory, maxBytes: 1e7 })
    const [one, other] = [open(), open()]
    // Two keys whose files lie in the same folder.
    const [mine, theirs] = ['key 205', 'key 364']
    expect(nameOf(mine).slice(0, 4)).toBe(nameOf(theirs).slice(0, 4))
    for (let round = 0; round < 100; round++) {
      const value = text(`${round}`)
      const churn = other.set(theirs, value, minute).then(() => other.delete(theirs))
      await Promise.all([one.set(mine, value, minute), churn])
      expect(words(await other.get(mine))).toBe(`${round}`)
      await one.delete(mine)
    }
    await Promise.all([one.close(), other.close()])
  })

  it('writes on when the folder is taken from under it', async () => {
    const directory = await folder()
    const store = diskStore({ directory, maxBytes: 1e6 })
    await store.set('a', text('1'), minute)
    await fs.rm(directory, { recursive: true })
    expect(await store.get('a')).toBeUndefined()
    await store.set('a', text('2'), minute)
    expect(words(await store.get('a'))).toBe('2')
    await store.close()
  })

  it('keeps the last of several writes of one entry, and no write survives a later delete', async () => {
    const store = diskStore({ directory: await folder(), maxBytes: 1e7 })
    const writes = Array.from({ length: 50 }, (_, index) =>
      store.set('a', text(`${index}`), minute),
    )
    await Promise.all(writes)
    expect(words(await store.get('a'))).toBe('49')
    await Promise.all([store.set('a', text('late'), minute), store.delete('a')])
    expect(await store.get('a')).toBeUndefined()
    await store.close()
  })

  it('never answers a read from before a write that ended before the read began, however many go on', async () => {
    const directory = await folder()
    const open = () => diskStore({ directory, maxBytes: 1e6 })
    const [writer, reader] = [open(), open()]
    await writer.set('a', text('0'), minute)
    expect(words(await reader.get('a'))).toBe('0')
    let isOver = false
    const crowd = async () => {
      while (!isOver) await reader.get('a')
    }
    const crowds = Array.from({ length: 8 }, crowd)
    for (let round = 1; round <= 200; round++) {
      await writer.set('a', text(`${round}`), minute)
      const [mine, same] = await Promise.all([reader.get('a'), reader.get('a')])
      expect([words(mine), words(same)]).toEqual([`${round}`, `${round}`])
      mine!.fill(0)
    }
    isOver = true
    await Promise.all([...crowds, writer.close()])
    await reader.close()
  })

  it('never shows a half written entry to a reader', async () => {
    const directory = await folder()
    const writer = diskStore({ directory, maxBytes: 1e8 })
    const reader = diskStore({ directory, maxBytes: 1e8 })
    const versions = [1, 2].map((byte) => new Uint8Array(300_000).fill(byte))
    await writer.set('a', versions[0]!, minute)
    for (let round = 0; round < 60; round++) {
      const [, seen] = await Promise.all([
        writer.set('a', versions[round % 2]!, minute),
        reader.get('a'),
      ])
      expect(new Set(seen).size).toBe(1)
    }
    expect((await reader.metrics()).damaged).toBe(0)
    await Promise.all([writer.close(), reader.close()])
  })

  it('tells a folder that cannot be written from one that is missing, and names no path', async () => {
    const directory = await folder()
    await fs.writeFile(join(directory, 'file'), '')
    const store = diskStore({ directory: join(directory, 'file', 'below'), maxBytes: 1e6 })
    expect(await store.get('a')).toBeUndefined()
    const failing = store.set('a', text('1'), minute)
    await expect(failing).rejects.toMatchObject({ name: 'StoreError', operation: 'set' })
    await expect(failing).rejects.not.toThrow(/holdfast-disk-/)
    await store.close()
  })

  it('is a store like any other behind a cache', async () => {
    const directory = await folder()
    // A disk that others keep busy may take longer than the 200 ms after which a cache goes on without it.
    const resilience = { storeTimeout: '30s' } as const
    const open = () => createCache({ store: diskStore({ directory, maxBytes: 1e7 }), resilience })
    const one = open()
    expect(await one.wrap('a', () => ({ n: 1 }))).toEqual({ n: 1 })
    await one.close()
    const two = open()
    expect(await two.wrap('a', () => ({ n: 2 }))).toEqual({ n: 1 })
    await two.delete('a')
    expect(await two.wrap('a', () => ({ n: 3 }))).toEqual({ n: 3 })
    await two.close()
  })

  it.each([
    [{ maxBytes: 1e6 }, /directory/],
    [{ directory: '', maxBytes: 1e6 }, /directory/],
    [{ directory: 'x' }, /maxBytes/],
    [{ directory: 'x', maxBytes: -1 }, /maxBytes/],
    [{ directory: 'x', maxBytes: 1e6, maxEntries: 0.5 }, /maxEntries/],
    [{ directory: 'x', maxBytes: 1e6, maxFiles: 3 }, /maxFiles/],
  ])('refuses %o at once, naming the option', (options, message) => {
    expect(() => diskStore(options as never)).toThrow(InvalidOptionError)
    expect(() => diskStore(options as never)).toThrow(message)
  })
})
