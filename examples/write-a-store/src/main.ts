import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeConformance } from '@holdfast/core/testing'
import { folderStore } from './folder-store.ts'

/* Runs the conformance suite over the store of this folder and says what each case came to. No test runner is needed. */
const folder = mkdtempSync(join(tmpdir(), 'holdfast-folder-'))
try {
  const create = () => folderStore(folder)
  const counts = { passed: 0, skipped: 0 }
  for (const { name, run } of storeConformance({ create, capabilities: create().capabilities })) {
    const { skipped } = await run()
    counts[skipped === undefined ? 'passed' : 'skipped']++
    console.log(skipped === undefined ? `passed  ${name}` : `skipped ${name}: ${skipped}`)
  }
  console.log(
    `\n${counts.passed} passed, ${counts.skipped} skipped: a store need not have every method, and says which it has.`,
  )
} finally {
  rmSync(folder, { recursive: true })
}
