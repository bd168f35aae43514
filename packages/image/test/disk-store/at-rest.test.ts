import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCache, encryptedStore, type Store } from '@holdfast/core'
import { canaryKey, canarySecret } from '@holdfast/lab/canary'
import { expect, onTestFinished, test } from 'vitest'
import { diskStore } from '../../src/disk-store/disk-store.ts'
import { setup, url } from '../image-cache/origin.ts'
import { png } from '../image-cache/pictures.ts'

/** Everything that lies in the folder, names included, as one text. */
async function allOf(directory: string): Promise<string> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = found.filter((each) => each.isFile())
  const texts = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const bytes = await readFile(join(parentPath, name))
      return `${name} ${bytes.toString('latin1')}`
    }),
  )
  return texts.join('\n')
}

async function keep(storeOf: (disk: Store) => Store) {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-rest-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const disk = diskStore({ directory, maxBytes: 1e7 })
  const made = await setup({ key: { secret: canarySecret('key') } }, { store: storeOf(disk) })
  onTestFinished(() => made.close())
  made.origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=600' } })
  await made.images.get(url)
  await expect.poll(async () => (await disk.metrics()).entries).toBeGreaterThan(0)
  return { ...made, directory, disk }
}

const signature = png(2, 3).subarray(0, 8).toString('latin1')

test('an image in a folder is there to be read, under a name that tells nothing', async () => {
  const { directory } = await keep((disk) => disk)
  await expect.poll(() => allOf(directory)).toContain(signature)
  expect(await allOf(directory)).not.toContain('a.png')
})

test('behind encryptedStore nothing of it is, and it is served as before after a restart', async () => {
  const keys = [{ id: 'one', secret: canaryKey('one') }]
  const { directory, disk, origin, open, clock } = await keep((store) =>
    encryptedStore(store, { keys }),
  )
  const restarted = createCache({ clock, store: encryptedStore(disk, { keys }) })
  const images = open(restarted)
  await expect.poll(async () => (await images.get(url)).status).toBe('hit')
  expect(origin.hits).toBe(1)
  const text = await allOf(directory)
  expect(text).not.toContain(signature)
  expect(text).not.toContain('IHDR')
  expect(text).not.toContain('image/png')
  await images.close()
  await restarted.close()
})
