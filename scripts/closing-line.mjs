// Prints `tests: N passed, N failed, N skipped` from vitest's JSON report and, beside it, the verdict of watched.mjs.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const path = process.argv[2]
if (path === undefined || !existsSync(path)) {
  console.error(
    `closing-line: expected a report at ${path ?? '(no path given)'}: vitest wrote none`,
  )
  console.log('tests: 0 passed, 1 failed, 0 skipped')
  process.exit(1)
}

const report = JSON.parse(readFileSync(path, 'utf8'))
// A file that breaks outside a test (an import, a hook) is missing from numFailedTests.
const broken = report.testResults.filter(
  (file) =>
    file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length
// Secrets in the output are one failure of the whole run; so is output that nobody has searched.
const verdict = join(path, '../leaks.json')
const searched = existsSync(verdict) ? JSON.parse(readFileSync(verdict, 'utf8')) : undefined
const leaky = searched?.leaks === 0 && searched.letters > 0 ? 0 : 1
if (searched === undefined) {
  console.error(`closing-line: expected a verdict at ${verdict}: nobody searched the output`)
}
const failed = report.numFailedTests + broken + leaky
const skipped = report.numPendingTests + report.numTodoTests
console.log(`tests: ${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = leaky
