import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@holdfast/core/adapter'
import { expect, test } from 'vitest'
import { DiskFolder } from './disk-folder.ts'
import { DiskKeeper } from './disk-keeper.ts'

/** A promise and what ends it. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((end) => {
    resolve = end
  })
  return { promise, resolve }
}

const nameOf = (text: string) => createHash('sha256').update(text).digest('hex')

test('what is evicted while the folder is read again is not counted, and nothing goes in its place', async () => {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-keeper-'))
  const folder = new DiskFolder(root)
  const keeper = new DiskKeeper(folder, systemClock, { maxBytes: 1e9, maxEntries: 20 }, () => {})
  const write = async (text: string) => {
    const name = nameOf(text)
    await folder.write(name, Buffer.alloc(80))
    keeper.wrote(name, 80, Number.POSITIVE_INFINITY)
    await keeper.keepBounds()
  }
  for (let index = 0; index < 20; index++) await write(`before ${index}`)
  // A scan that has seen everything, and is not done yet.
  const { promise: isOver, resolve: end } = gate()
  const { promise: hasSeen, resolve: seen } = gate()
  const scan = folder.scan.bind(folder)
  folder.scan = async function* (leftBefore) {
    yield* scan(leftBefore)
    seen()
    await isOver
  }
  const scanning = keeper.scan()
  await hasSeen
  // An eviction that is under way when the scan ends.
  const { promise: mayGoOn, resolve: goOn } = gate()
  const { promise: isUnderWay, resolve: underWay } = gate()
  const remove = folder.remove.bind(folder)
  let removed = 0
  folder.remove = async (name) => {
    if (++removed === 2) {
      underWay()
      await mayGoOn
    }
    return remove(name)
  }
  const writing = write('meanwhile')
  await isUnderWay
  const { promise: isRebuilt, resolve: rebuilt } = gate()
  const rebuild = keeper.index.rebuild.bind(keeper.index)
  keeper.index.rebuild = (...args) => {
    rebuild(...args)
    rebuilt()
  }
  end()
  await isRebuilt
  goOn()
  await Promise.all([scanning, writing])
  await keeper.settled()
  const found = await readdir(root, { recursive: true, withFileTypes: true })
  // Down to nine tenths, in the index and on the disk.
  expect([keeper.index.entries, found.filter((one) => one.isFile()).length]).toEqual([18, 18])
  await keeper.close()
  await rm(root, { recursive: true })
})
