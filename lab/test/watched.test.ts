import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../src/scratch.ts'

const watched = fileURLToPath(new URL('../../scripts/watched.mjs', import.meta.url))
const closingLine = fileURLToPath(new URL('../../scripts/closing-line.mjs', import.meta.url))
/** Planted here instead of the real one, which the run of this test is watched for itself. */
const marker = 'planted5Rk8Wz3'

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(script: string, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

const watch = (code: string, ...options: string[]) =>
  run(watched, `--marker=${marker}`, ...options, process.execPath, '-e', code)

function scratch(): string {
  const { path, remove } = scratchDirectory()
  onTestFinished(remove)
  return path
}

test.each([
  ['its output', `console.log('one\\ntwo ${marker}-password three')`, 'stdout:2'],
  ['its errors', `console.error('${marker}-password')`, 'stderr:1'],
  [
    'the output of its own child',
    `require('node:child_process').spawn('echo', ['${marker}'], { stdio: 'inherit' })`,
    'stdout:1',
  ],
  ['a warning of its process', `process.emitWarning('${marker} is weak')`, 'stderr:1'],
  [
    'an error that nobody caught, in its cause',
    `throw new Error('a', { cause: new Error('${marker}') })`,
    'stderr:',
  ],
  ['base64', `console.log(Buffer.from('a:${marker}').toString('base64'))`, 'stdout:1'],
])(
  'a command that prints a secret in %s ends red, with the place and without the secret',
  async (_, code, place) => {
    const { err, ...ended } = await watch(code)
    expect(ended.code).toBe(1)
    const told = err.split('\n').filter((line) => line.includes('a secret of the tests'))
    expect(told.length).toBeGreaterThan(0)
    expect(told[0]).toContain(place)
    expect(told.join()).not.toContain(marker)
    expect(ended.out).toMatch(/watched: \d+ secrets of the tests in 1 kB/)
  },
)

test('a command that prints none ends as it ends, and all that it printed is passed on', async () => {
  const fine = await watch(`console.log('fine'); console.error('also'); process.exitCode = 7`)
  expect(fine).toEqual({
    code: 7,
    out: 'fine\nwatched: no secret in 1 kB of output\n',
    err: 'also\n',
  })
  expect((await watch(`process.kill(process.pid, 'SIGKILL')`)).code).toBe(137)
  expect((await watch('0')).code).toBe(0)
})

test('a file that the command wrote is searched, too, and the closing line counts what was found as failed', async () => {
  const report = join(scratch(), 'vitest.json')
  const verdict = join(report, '../leaks.json')
  const counts = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0 }
  const writes = (failure: string) =>
    `require('node:fs').writeFileSync(${JSON.stringify(report)}, ${JSON.stringify(JSON.stringify({ ...counts, testResults: [], failure }))})`

  const fine = await watch(writes('none'), `--also=${report}`, `--verdict=${verdict}`)
  expect(fine.code).toBe(0)
  const closed = await run(closingLine, report)
  expect([closed.code, closed.out]).toEqual([0, 'tests: 3 passed, 0 failed, 1 skipped\n'])

  const leaky = await watch(writes(marker), `--also=${report}`, `--verdict=${verdict}`)
  expect(leaky.code).toBe(1)
  expect(leaky.err).toContain(`${report}:1: a secret of the tests`)
  expect(JSON.parse(readFileSync(verdict, 'utf8'))).toMatchObject({ leaks: 1 })
  const told = await run(closingLine, report)
  expect([told.code, told.out]).toEqual([1, 'tests: 3 passed, 1 failed, 1 skipped\n'])
})

test('a run whose output nobody searched is not called green', async () => {
  const report = join(scratch(), 'vitest.json')
  const counts = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }
  writeFileSync(report, JSON.stringify({ ...counts, testResults: [] }))
  expect(existsSync(join(report, '../leaks.json'))).toBe(false)
  const { code, out } = await run(closingLine, report)
  expect([code, out]).toEqual([1, 'tests: 3 passed, 1 failed, 0 skipped\n'])
})
