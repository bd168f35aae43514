// Prints `tests: N passed, N failed, N skipped` from vitest's JSON report.
import { existsSync, readFileSync } from 'node:fs'

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
const failed = report.numFailedTests + broken
const skipped = report.numPendingTests + report.numTodoTests
console.log(`tests: ${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
