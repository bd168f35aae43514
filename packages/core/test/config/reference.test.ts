import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { referenceText, schemaText, undescribed } from './reference.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const biome = join(root, 'node_modules', '.bin', 'biome')

/** As it would be committed. */
const formatted = (text: string, path: string) =>
  execFileSync(biome, ['format', `--stdin-file-path=${path}`], {
    cwd: root,
    input: text,
    encoding: 'utf8',
  })

test('every option of a configuration is described', () => {
  expect(undescribed()).toEqual([])
})

test.for([
  ['docs/configuration.md', referenceText],
  ['docs/configuration.schema.json', schemaText],
] as const)('%s is what the code says', async ([path, text]) => {
  await expect(formatted(text(), path)).toMatchFileSnapshot(join(root, path))
})
