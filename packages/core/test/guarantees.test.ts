import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Each promise of docs/guarantees.md names the test that holds it. */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(join(root, 'docs/guarantees.md'), 'utf8')

const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|[ -]+\||^\| promise/.test(line))
const proofs = rows.map((row) => /`([\w./-]+\.test\.ts)` "(.+)" *\|$/.exec(row))

test('there are promises, and each names a test', () => {
  expect(rows.length).toBeGreaterThan(30)
  expect(rows.filter((_, index) => proofs[index] === null)).toEqual([])
})

const named = proofs.flatMap((proof): [string, string][] =>
  proof?.[1] && proof[2] ? [[proof[1], proof[2]]] : [],
)

test.for(named)('%s has the test "%s"', ([path, name]) => {
  expect(existsSync(join(root, path))).toBe(true)
  expect(readFileSync(join(root, path), 'utf8')).toContain(name)
})
