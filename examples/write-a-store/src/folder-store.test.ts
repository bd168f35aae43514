import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCache } from '@holdfast/core'
import { storeConformance } from '@holdfast/core/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { folderStore } from './folder-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-folder-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a folder as a store', () => {
  const create = () => folderStore(folder)
  const { capabilities } = create()
  for (const { name, run } of storeConformance({ create, capabilities, methods: [] })) {
    test(name, async () => {
      await run()
    })
  }
})

test('two caches over one folder share what one of them has kept', async () => {
  const one = createCache({ store: folderStore(folder) })
  const other = createCache({ store: folderStore(folder) })
  await one.set('shared', 'set by one')
  expect(await other.wrap('shared', () => 'loaded by other')).toBe('set by one')
  await Promise.all([one.close(), other.close()])
})

test('the guide shows this store as it is', () => {
  const guide = readFileSync(
    new URL('../../../docs/guides/write-a-store.md', import.meta.url),
    'utf8',
  )
  const code = readFileSync(new URL('./folder-store.ts', import.meta.url), 'utf8')
  expect(guide).toContain(`\`\`\`ts\n${code}\`\`\``)
})
