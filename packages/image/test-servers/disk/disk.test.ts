import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcess, startProcesses } from '@holdfast/lab/client-process'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { diskStore } from '../../src/index.ts'

const file = new URL('./disk-process.ts', import.meta.url)
const started: ClientProcess[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()))
})

async function folder(): Promise<string> {
  const directory = await fs.mkdtemp(join(tmpdir(), 'holdfast-disk-'))
  onTestFinished(() => fs.rm(directory, { recursive: true, force: true }))
  return directory
}

async function start(count: number, directory: string, maxBytes: number): Promise<ClientProcess[]> {
  const args = [directory, String(maxBytes)]
  const processes = await startProcesses(count, file, { args })
  started.push(...processes)
  return processes
}

async function filesIn(directory: string) {
  const all = await fs.readdir(directory, { recursive: true, withFileTypes: true })
  const files = all.filter((found) => found.isFile())
  const sizes = await Promise.all(
    files.map((found) => fs.stat(join(found.parentPath, found.name)).catch(() => undefined)),
  )
  return {
    names: files.map(({ name }) => name),
    bytes: sizes.reduce((sum, stat) => sum + (stat?.size ?? 0), 0),
  }
}

test('four processes that write, read and evict in one folder never read half an entry or one of another key', async () => {
  const directory = await folder()
  const maxBytes = 1_000_000
  const processes = await start(4, directory, maxBytes)
  const churned = await Promise.all(
    processes.map((each, seed) =>
      each.call<{ wrong: string[]; found: number }>('churn', seed + 1, 1_500, 120),
    ),
  )
  for (const { wrong, found } of churned) {
    expect(wrong).toEqual([])
    expect(found).toBeGreaterThan(100)
  }
  const metrics = await Promise.all(
    processes.map((each) => each.call<{ damaged: number; evictions: number }>('metrics')),
  )
  expect(metrics.map(({ damaged }) => damaged)).toEqual([0, 0, 0, 0])
  expect(metrics.reduce((sum, { evictions }) => sum + evictions, 0)).toBeGreaterThan(0)
  // Each may write a sixteenth of the bound, and one entry, before it learns what the others wrote.
  const { bytes, names } = await filesIn(directory)
  expect(bytes).toBeLessThanOrEqual(maxBytes * 1.25 + 4 * 32_000)
  expect(names.filter((name) => name.startsWith('.tmp'))).toEqual([])
})

test('a process killed while it writes leaves nothing that is believed, and its leftovers go after an hour', async () => {
  const directory = await folder()
  for (let round = 0; round < 5; round++) {
    const [writer] = await start(1, directory, 1e9)
    writer!.call('writeOn').catch(() => undefined)
    await sleep(100 + round * 37)
    await writer!.kill('SIGKILL')
  }
  const store = diskStore({ directory, maxBytes: 1e9 })
  onTestFinished(() => store.close())
  for (let key = 0; key < 50; key++) {
    const bytes = await store.get(`on ${key}`)
    if (bytes !== undefined) expect(bytes.byteLength).toBe(200_000)
  }
  expect((await store.metrics()).damaged).toBe(0)
  const { names } = await filesIn(directory)
  const all = await fs.readdir(directory, { recursive: true, withFileTypes: true })
  const twoHoursAgo = Date.now() / 1_000 - 7_200
  for (const found of all.filter(({ name }) => name.startsWith('.tmp'))) {
    await fs.utimes(join(found.parentPath, found.name), twoHoursAgo, twoHoursAgo)
  }
  const later = diskStore({ directory, maxBytes: 1e9 })
  await later.metrics()
  await later.close()
  const left = (await filesIn(directory)).names
  expect(left.filter((name) => name.startsWith('.tmp'))).toEqual([])
  expect(left).toHaveLength(names.filter((name) => !name.startsWith('.tmp')).length)
})

/** A file system of one megabyte, where this user may mount one. */
async function smallDisk(): Promise<string | undefined> {
  const directory = await folder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', directory])
  })
  return directory
}

test('a full disk gives room by eviction, then refuses typed, and what was kept is still served', async (context) => {
  const directory = await smallDisk()
  if (directory === undefined) return context.skip('only root may mount a small disk')
  const process = await startProcess(file, { args: [directory, String(1e9)] })
  started.push(process)
  for (let key = 0; key < 40; key++) await process.call('write', `key ${key}`, 50_000)
  expect(await process.call('has', 'key 39')).toBe(true)
  const { evictions } = await process.call<{ evictions: number }>('metrics')
  expect(evictions).toBeGreaterThan(0)
  const refused = await process.call<{ name: string; kind: string; message: string }>(
    'refused',
    'large',
    3_000_000,
  )
  expect(refused).toMatchObject({ name: 'StoreError', kind: 'full' })
  expect(refused.message).not.toContain(directory)
  // Somebody else fills the disk: nothing can be written, and nothing is left half written.
  await fs
    .writeFile(join(directory, 'somebody-elses'), Buffer.alloc(2_000_000))
    .catch(() => undefined)
  await process.call('refused', 'another', 400_000)
  const { names } = await filesIn(directory)
  expect(names.filter((name) => name.startsWith('.tmp'))).toEqual([])
})
