import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../src/scratch.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const config = at('planted/vitest.config.ts')
const vitest = at('../../node_modules/vitest/vitest.mjs')

interface Report {
  readonly testResults: {
    readonly name: string
    readonly message: string
    readonly assertionResults: { readonly status: string; readonly failureMessages: string[] }[]
  }[]
}

test('a test is red that leaks a secret past the output: in words of a child, an error, a mocked warning', async () => {
  // Its output is watched like that of every child here: what it says of the leaks holds none.
  const { path, remove } = scratchDirectory()
  onTestFinished(remove)
  const file = join(path, 'report.json')
  const args = [vitest, 'run', '--config', config, '--reporter=json', `--outputFile=${file}`]
  const said = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, (_, out, err) => resolve(out + err))
  })
  expect(existsSync(file), said).toBe(true)
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  const told = report.testResults.map(({ name, assertionResults: [only] }) => [
    /(\w+)\.planted\.ts$/.exec(name)?.[1],
    only?.status,
    only?.failureMessages[0]?.split('\n')[0]?.replace(/ of \/\S*:/, ' of …:'),
  ])
  expect(told.sort()).toEqual([
    ['cause', 'failed', expect.stringMatching(/^Error: \w+Error:\d+: .*\[secret\]/)],
    ['child', 'failed', 'Error: stderr of …: a secret of the tests, as text: no: [secret]'],
    ['error', 'failed', expect.stringMatching(/^Error: InvalidOptionError:1: .*\[secret\]/)],
    ['none', 'passed', undefined],
    [
      'warning',
      'failed',
      "Error: emitWarning:1: a secret of the tests, as text: [ 'weak: [secret]' ]",
    ],
  ])
}, 120_000)
