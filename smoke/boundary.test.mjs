// What each published entry really pulls in, asserted on the emitted files: a new dependency, a
// room that leaks into another entry, or a type that names a client shows up here as a diff.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { publishedPackages } from '../scripts/packages.mjs'

/**
 * loads: packages in memory after importing the entry, those of dependencies included.
 * names: packages its emitted JavaScript imports, lazily or at once.
 * types: packages its emitted declarations name.
 */
const boundaries = {
  // yocto-queue is p-limit's own dependency.
  '@holdfast/core': {
    loads: ['lru-cache', 'p-limit', 'yocto-queue'],
    names: ['lru-cache', 'p-limit'],
    types: [],
  },
  '@holdfast/core/adapter': { loads: [], names: [], types: [] },
  // YAML is read by a package that is loaded when there is some.
  '@holdfast/core/config': {
    loads: ['lru-cache', 'p-limit', 'yocto-queue'],
    names: ['lru-cache', 'p-limit', 'yaml'],
    types: [],
  },
  '@holdfast/core/session': { loads: [], names: [], types: [] },
  '@holdfast/core/sharding': { loads: ['lru-cache'], names: ['lru-cache'], types: [] },
  '@holdfast/core/telemetry': { loads: [], names: [], types: [] },
  // Its fake cache is a real cache over a fake clock.
  '@holdfast/core/testing': {
    loads: ['lru-cache', 'p-limit', 'yocto-queue'],
    names: ['lru-cache', 'p-limit'],
    types: [],
  },
  // sharp is an optional peer, loaded when it is asked for.
  '@holdfast/image': {
    loads: ['@holdfast/core', 'lru-cache', 'p-limit', 'yocto-queue'],
    names: ['@holdfast/core', 'sharp'],
    types: ['@holdfast/core'],
  },
  '@holdfast/image/testing': {
    loads: ['@holdfast/core', 'lru-cache', 'p-limit', 'yocto-queue'],
    names: ['@holdfast/core'],
    types: ['@holdfast/core'],
  },
  '@holdfast/memcached': {
    loads: ['@holdfast/core', 'lru-cache', 'memjs', 'p-limit', 'yocto-queue'],
    names: ['@holdfast/core', 'memjs'],
    types: ['@holdfast/core'],
  },
  // All but core's three come with ioredis; has-flag and supports-color only where they happen to be installed.
  '@holdfast/redis': {
    loads: [
      '@holdfast/core',
      '@ioredis/commands',
      'cluster-key-slot',
      'debug',
      'denque',
      'has-flag',
      'ioredis',
      'lru-cache',
      'ms',
      'p-limit',
      'redis-errors',
      'standard-as-callback',
      'supports-color',
      'yocto-queue',
    ],
    names: ['@holdfast/core', 'ioredis'],
    types: ['@holdfast/core', 'ioredis'],
  },
}

/** Core knows no network: importing it must not even load one of these. */
const network = ['dgram', 'dns', 'http', 'http2', 'https', 'net', 'tls'].map(
  (name) => `node:${name}`,
)

const packages = publishedPackages()
const entries = packages.flatMap((one) =>
  one.entries.map((entry) => ({ ...entry, owner: one.name })),
)
const run = promisify(execFile)

async function loadedBy(file) {
  const { stdout } = await run(process.execPath, [
    '--import',
    pathToFileURL(join(import.meta.dirname, 'record-imports.mjs')).href,
    '--input-type=module',
    '--eval',
    `await import(${JSON.stringify(pathToFileURL(file).href)})`,
  ])
  return JSON.parse(stdout)
}

function packageOf(url) {
  let folder = dirname(fileURLToPath(url))
  for (;;) {
    const manifest = join(folder, 'package.json')
    const name = existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name
    if (name) return name
    assert.notEqual(dirname(folder), folder, `no package.json above ${url}`)
    folder = dirname(folder)
  }
}

const packageOfSpecifier = (specifier) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** Packages named by a file and by all files it reaches through relative imports. */
function namedBy(file, seen = new Set(), names = new Set()) {
  if (seen.has(file)) return names
  seen.add(file)
  const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(
    readFileSync(file, 'utf8'),
    true,
    true,
  )
  for (const { fileName } of typeReferenceDirectives) names.add(fileName)
  for (const { fileName } of importedFiles) {
    if (!fileName.startsWith('.')) {
      if (!fileName.startsWith('node:')) names.add(packageOfSpecifier(fileName))
      continue
    }
    const target = resolve(dirname(file), fileName)
    namedBy(file.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target, seen, names)
  }
  return names
}

test('every published entry has its boundary written down, and no other', () => {
  assert.deepEqual(entries.map((entry) => entry.id).sort(), Object.keys(boundaries).sort())
})

for (const { id, owner, js, types } of entries) {
  const boundary = boundaries[id]
  if (boundary === undefined) continue

  test(`importing ${id} loads exactly the packages written down`, async () => {
    const files = (await loadedBy(js)).filter((url) => url.startsWith('file:'))
    const loads = new Set(files.map(packageOf))
    loads.delete(owner)
    assert.deepEqual([...loads].sort(), boundary.loads)
  })

  test(`the JavaScript of ${id} names exactly the packages written down`, () => {
    assert.deepEqual([...namedBy(js)].sort(), boundary.names)
  })

  test(`the declarations of ${id} name exactly the packages written down`, () => {
    assert.deepEqual([...namedBy(types)].sort(), boundary.types)
  })
}

test('importing @holdfast/core loads no network module', async () => {
  const core = entries.find((entry) => entry.id === '@holdfast/core')
  const loaded = await loadedBy(core.js)
  assert.deepEqual(
    loaded.filter((url) => network.includes(url)),
    [],
  )
})

test('no package runs a script when it is installed', () => {
  for (const { name, manifest } of packages) {
    const scripts = Object.keys(manifest.scripts ?? {})
    const onInstall = scripts.filter((script) => /^(pre|post)?(install|prepare)$/.test(script))
    assert.deepEqual(onInstall, [], name)
  }
})

test('what is published points at emitted files only', () => {
  for (const { name, manifest } of packages) {
    const published = manifest.publishConfig.exports
    assert.deepEqual(Object.keys(published), Object.keys(manifest.exports), name)
    assert.equal(JSON.stringify(published).includes('/src/'), false, name)
  }
})
