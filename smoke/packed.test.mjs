// The packages as a user gets them: packed, installed into an empty project, and used from ESM,
// from CommonJS and from TypeScript. Runs on the machine's own Node and needs no test runner.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { publishedPackages, root, tarballOf } from '../scripts/packages.mjs'

const run = promisify(execFile)
const packages = publishedPackages()
let project

before(async () => {
  for (const one of packages) {
    const tarball = tarballOf(one)
    assert.ok(existsSync(tarball), `${relative(root, tarball)} is missing: run \`pnpm check\``)
  }
  project = mkdtempSync(join(tmpdir(), 'holdfast-smoke-'))
  cpSync(join(import.meta.dirname, 'consumer'), project, { recursive: true })
  const dependencies = Object.fromEntries(
    packages.map((one) => [one.name, `file:${tarballOf(one)}`]),
  )
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, dependencies }))
  await run(
    'npm',
    [
      'install',
      '--prefer-offline',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-package-lock',
    ],
    { cwd: project },
  )
})

after(() => {
  if (project !== undefined) rmSync(project, { recursive: true, force: true })
})

const node = async (file) => {
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: project })
  assert.equal(stderr, '', `${file} warned`)
  return stdout.trim()
}

const compile = (config) =>
  run(
    join(root, 'node_modules', '.bin', 'tsc'),
    ['-p', config, '--typeRoots', join(root, 'node_modules', '@types')],
    {
      cwd: project,
    },
  ).catch((error) => assert.fail(`${config}:\n${error.stdout}`))

test('a packed manifest names no source and no workspace', () => {
  for (const { name } of packages) {
    const manifest = readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8')
    for (const word of ['holdfast-source', '/src/', 'workspace:', 'catalog:']) {
      assert.equal(manifest.includes(word), false, `${name}: ${word}`)
    }
  }
})

test('a packed package holds what its manifest promises, and no sources', () => {
  for (const { name, manifest } of packages) {
    const folder = join(project, 'node_modules', name)
    for (const file of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) {
      assert.ok(existsSync(join(folder, file)), `${name}: ${file} is missing`)
    }
    assert.equal(existsSync(join(folder, 'src')), false, name)
    for (const file of Object.values(manifest.bin ?? {})) {
      assert.ok(existsSync(join(folder, file)), `${name}: ${file} is missing`)
    }
  }
})

test('every entry is imported from ESM', async () => {
  const ids = packages.flatMap((one) => one.entries.map((entry) => entry.id))
  writeFileSync(
    join(project, 'entries.mjs'),
    `for (const id of ${JSON.stringify(ids)}) await import(id)\nconsole.log('ok')\n`,
  )
  assert.equal(await node('entries.mjs'), 'ok')
})

test('every entry is required from CommonJS', async () => {
  const ids = packages.flatMap((one) => one.entries.map((entry) => entry.id))
  writeFileSync(
    join(project, 'entries.cjs'),
    `for (const id of ${JSON.stringify(ids)}) require(id)\nconsole.log('ok')\n`,
  )
  assert.equal(await node('entries.cjs'), 'ok')
})

test('the first lines of the README work in ESM', async () => {
  assert.equal(await node('first-lines.mjs'), 'ok')
})

test('the first lines of the README work in CommonJS', async () => {
  assert.equal(await node('first-lines.cjs'), 'ok')
})

test('TypeScript finds the types with moduleResolution node16', () =>
  compile('tsconfig.node16.json'))

test('TypeScript finds the types with moduleResolution bundler', () =>
  compile('tsconfig.bundler.json'))

test('TypeScript finds the types from a CommonJS file', () => compile('tsconfig.commonjs.json'))
