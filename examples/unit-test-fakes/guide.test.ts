import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const folder = import.meta.dirname

test.each(['price-list.ts', 'price-list.test.ts', 'price-list.node-test.ts'])(
  'the guide shows %s as it is',
  async (name) => {
    const [guide, source] = await Promise.all([
      readFile(`${folder}/../../docs/guides/unit-tests.md`, 'utf8'),
      readFile(`${folder}/src/${name}`, 'utf8'),
    ])
    expect(guide).toContain(`\`\`\`ts\n// ${name}\n${source}\`\`\`\n`)
  },
)

test('the tests for node:test pass under node --test', async () => {
  const run = promisify(execFile)
  const file = `${folder}/src/price-list.node-test.ts`
  const { stdout } = await run(
    process.execPath,
    ['--conditions=holdfast-source', '--test', '--test-reporter=tap', file],
    { cwd: folder },
  )
  expect(stdout).toMatch(/^# pass 2$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})
