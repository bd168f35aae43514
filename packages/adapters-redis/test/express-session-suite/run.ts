import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RedisEngine, startRedis } from '@holdfast/lab/redis-server'

/**
 * Runs express-session's own tests of sessions over `expressSessionStore` on a real Redis and a real Valkey:
 *
 *   node --conditions=holdfast-source run.ts [folder of a checkout of expressjs/session]
 *
 * Without a folder the suite is fetched with git for this run. It is never committed here.
 */
const commit = '2c9512f'
const source = 'https://github.com/expressjs/session'
const given = process.argv[2] ?? process.env.EXPRESS_SESSION_SUITE
const expected = 142

const run = (program: string, args: readonly string[], cwd: string) =>
  execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })

const folder = given ? resolve(given) : mkdtempSync(join(tmpdir(), 'express-session-'))
try {
  if (!given) {
    run('git', ['clone', '--quiet', source, folder], tmpdir())
    run('git', ['checkout', '--quiet', commit], folder)
  }
  if (!existsSync(join(folder, 'node_modules/mocha')))
    run('npm', ['install', '--no-audit', '--no-fund'], folder)
  if (!existsSync(join(folder, 'test/fixtures/server.crt')))
    run('sh', ['./test/support/gencert.sh'], folder)
  // The suite makes its stores with `new MemoryStore()`: the shim puts ours in its place.
  const shim = join(folder, 'holdfast-shim.cjs')
  writeFileSync(
    shim,
    `const { join } = require('node:path')
const file = require.resolve(join(process.cwd(), 'session/memory.js'))
const Store = require(join(process.cwd(), 'session/store.js'))
const { storeClass } = require(process.env.STORE_MODULE)
require.cache[file] = { id: file, filename: file, loaded: true, exports: storeClass(Store) }
`,
  )
  for (const engine of ['redis', 'valkey'] as const) {
    const { passed, failed } = await suite(engine, shim)
    console.log(`${engine}: ${passed} of ${passed + failed.length}`)
    for (const title of failed) console.log(`  failed: ${title}`)
    if (failed.length > 0 || passed !== expected) process.exitCode = 1
  }
} finally {
  if (!given) rmSync(folder, { recursive: true, force: true })
}

interface Report {
  readonly stats: { readonly passes: number }
  readonly failures: readonly { readonly fullTitle: string; readonly err: { message?: string } }[]
}

async function suite(engine: RedisEngine, shim: string) {
  const server = await startRedis({ engine })
  try {
    const child = spawn(
      process.execPath,
      [
        '--conditions=holdfast-source',
        '--disable-warning=ExperimentalWarning',
        join(folder, 'node_modules/mocha/bin/mocha.js'),
        '--require',
        'test/support/env',
        '--require',
        shim,
        '--check-leaks',
        '--exit',
        '--timeout',
        '8000',
        '--reporter',
        'json',
        'test/session.js',
      ],
      {
        cwd: folder,
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          REDIS_PORT: String(server.port),
          STORE_MODULE: fileURLToPath(new URL('./store-class.ts', import.meta.url)),
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let output = ''
    for await (const chunk of child.stdout) output += chunk
    const report = JSON.parse(output.slice(output.indexOf('{\n'))) as Report
    return {
      passed: report.stats.passes,
      failed: report.failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message ?? ''}`),
    }
  } finally {
    await server.stop()
  }
}
