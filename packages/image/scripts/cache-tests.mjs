/**
 * Runs the public conformance suite http-tests/cache-tests against `createHttpCache`, in shared mode, on loopback.
 *
 *   node --conditions=holdfast-source packages/image/scripts/cache-tests.mjs [folder] [--write] [--far] [--only=id,…]
 *
 * `folder`, or CACHE_TESTS in the environment: a checkout of the suite. Without one the commit below is fetched into a
 * temporary folder. `--write` renews docs/http-cache-conformance.md. `--far`: over a store alone, so that every
 * response goes through bytes. Ends with 1 below the thresholds.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createCache, memoryStore } from '@holdfast/core'
import { createHttpCache } from '../src/http-cache/http-cache.ts'
import { belowThresholds, page, score } from './cache-tests-report.mjs'

const repository = 'https://github.com/http-tests/cache-tests.git'
const commit = 'b55b8bda3dbb8c927c04e85bd8d496a8caa3e4ba'
const options = process.argv.slice(2)
const isWritten = options.includes('--write')
const only = options
  .find((option) => option.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',')

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-cache-tests-'))
const children = []
try {
  process.exitCode = await main()
} finally {
  for (const child of children) child.kill()
  rmSync(scratch, { recursive: true, force: true })
}

async function main() {
  const suite = findSuite()
  const load = (path) => import(join(suite, path))
  const [{ default: all }, runner, { determineTestResult }] = await Promise.all([
    load('tests/index.mjs'),
    load('test-engine/client/runner.mjs'),
    load('test-engine/lib/results.mjs'),
  ])
  const tests = only ? picked(all, only) : all
  const base = await startOrigin(suite)
  const networkFetch = globalThis.fetch
  const cache = options.includes('--far')
    ? createCache({ memory: false, store: memoryStore() })
    : createCache({ memory: { maxEntries: 5_000 } })
  globalThis.fetch = gateway(createHttpCache({ cache }).fetch, base)
  const startedAt = performance.now()
  try {
    await runner.runTests(tests, false, base, 75)
  } finally {
    globalThis.fetch = networkFetch
    await cache.close()
  }
  const results = runner.getResults()
  const scored = score(tests, results, determineTestResult)
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  console.log(scored.text)
  if (isWritten) {
    const path = resolve(import.meta.dirname, '../../../docs/http-cache-conformance.md')
    writeFileSync(path, page(scored, { commit, node: process.version, seconds }))
  }
  return only || !belowThresholds(scored) ? 0 : 1
}

/**
 * The suite speaks to a cache over HTTP. A mode of fetch never travels, so it must not reach the cache; and what cannot
 * be reached is a gateway's 502 there, where a fetch rejects.
 */
function gateway(cachedFetch, base) {
  return async (input, init = {}) => {
    const { cache: _, ...rest } = init
    try {
      return await cachedFetch(input, String(input).startsWith(`${base}/test/`) ? rest : init)
    } catch (error) {
      if (init.signal?.aborted) throw error
      return new Response(null, { status: 502 })
    }
  }
}

function findSuite() {
  const given = options.find((option) => !option.startsWith('--')) ?? process.env.CACHE_TESTS
  if (given) return resolve(given)
  const folder = join(scratch, 'suite')
  const run = (command, ...parts) => execFileSync(command, parts, { stdio: ['ignore', 2, 2] })
  run('git', 'init', '--quiet', folder)
  run('git', '-C', folder, 'fetch', '--quiet', '--depth=1', repository, commit)
  run('git', '-C', folder, 'checkout', '--quiet', 'FETCH_HEAD')
  // Only the tests of interim responses need it, and fail without.
  try {
    run(
      'npm',
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--ignore-scripts',
      '--silent',
      'undici@7',
    )
  } catch {}
  return folder
}

async function startOrigin(suite) {
  const port = await freePort()
  // It would listen on all interfaces.
  const preload = join(scratch, 'loopback.cjs')
  writeFileSync(
    preload,
    `const { Server } = require('node:net')
const { listen } = Server.prototype
Server.prototype.listen = function (port, ...rest) { return listen.call(this, port, '127.0.0.1', ...rest) }
`,
  )
  const origin = spawn(process.execPath, ['-r', preload, 'test-engine/server/server.mjs'], {
    cwd: suite,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      npm_config_protocol: 'http',
      npm_config_port: String(port),
      npm_config_pidfile: join(scratch, 'pid'),
    },
  })
  children.push(origin)
  await new Promise((ready, fail) => {
    origin.stdout.on('data', (text) => String(text).includes('Listening') && ready())
    origin.once('exit', (code) => fail(new Error(`the suite's origin ended with ${code}`)))
  })
  return `http://127.0.0.1:${port}`
}

async function freePort() {
  const server = createServer()
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address()
  await new Promise((closed) => server.close(closed))
  return port
}

function picked(all, ids) {
  if (!existsSync(scratch)) throw new Error('no folder to work in')
  const suites = all.map((suite) => ({
    ...suite,
    tests: suite.tests
      .filter(({ id }) => ids.includes(id))
      .map((test) => ({ ...test, dump: true })),
  }))
  return suites.filter((suite) => suite.tests.length > 0)
}
