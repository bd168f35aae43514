import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canarySecret } from '@holdfast/lab/canary'
import { type Certificate, makeCertificates } from '@holdfast/lab/certificates'
import { bulk, startFakeRedis } from '@holdfast/lab/fake-redis'
import { startMemcached } from '@holdfast/lab/memcached-server'
import { startRedis } from '@holdfast/lab/redis-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as memcached from '../../adapters-memcached/src/index.ts'
import { run } from '../../core/src/doctor/run.ts'
import * as redis from '../src/index.ts'

/* States of servers that are rare, or that no server here can be brought into: what the doctor makes of them. */

interface Said {
  readonly level: string
  readonly check: string
  readonly says: string
  readonly advice?: string
}

async function findingsOf(store: object, more: object = {}): Promise<Said[]> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'holdfast.json')
  writeFileSync(file, JSON.stringify({ stores: { main: store }, ...more }))
  let out = ''
  await run(['--json', '--timeout', '10000', file], {
    write: (text) => {
      out += text
    },
    writeError: (text) => {
      out += text
    },
    env: {},
    directory: folder,
    importAdapter: async (name) => (name === '@holdfast/redis' ? redis : memcached),
  })
  return (JSON.parse(out) as { findings: Said[] }).findings
}

const caches = { caches: { api: { store: 'main' } } }

/** A Redis that says this of itself. */
async function redisThatSays(info: Record<string, string>, aheadMs = 0) {
  const lines = Object.entries(info).map(([name, value]) => `${name}:${value}\r\n`)
  const server = await startFakeRedis((command) => {
    if (command === 'INFO') return bulk(lines.join(''))
    if (command === 'CONFIG') return '*0\r\n'
    if (command !== 'TIME') return undefined
    const now = Date.now() + aheadMs
    const seconds = String(Math.floor(now / 1_000))
    const micros = String((now % 1_000) * 1_000)
    return `*2\r\n$${seconds.length}\r\n${seconds}\r\n$${micros.length}\r\n${micros}\r\n`
  })
  onTestFinished(() => server.stop())
  return { redis: { host: '127.0.0.1', port: server.port } }
}

const healthy = {
  redis_version: '7.2.4',
  role: 'master',
  connected_slaves: '0',
  maxmemory: '1000000',
  used_memory: '1000',
  maxmemory_policy: 'allkeys-lfu',
}

describe('the doctor', () => {
  test.for([
    ['a version without security fixes', { redis_version: '6.0.16' }, 'warning', 'version'],
    ['the oldest one that has them', { redis_version: '6.2.0' }, 'ok', 'version'],
    ['Valkey', { server_name: 'valkey', valkey_version: '8.0.1' }, 'ok', 'version'],
    ['Dragonfly', { dragonfly_version: 'df-v1.23.0' }, 'ok', 'version'],
    ['70 % of its memory used', { used_memory: '700000' }, 'ok', 'memory'],
    ['more than 70 % of its memory used', { used_memory: '700100' }, 'warning', 'memory'],
    ['more than 85 % of its memory used', { used_memory: '850100' }, 'critical', 'memory'],
    ['a save that failed', { rdb_last_bgsave_status: 'err' }, 'critical', 'persistence'],
    ['a log that cannot be written', { aof_last_write_status: 'err' }, 'critical', 'persistence'],
    ['noeviction under a cache', { maxmemory_policy: 'noeviction' }, 'warning', 'eviction'],
    ['a policy for what has an end', { maxmemory_policy: 'volatile-lru' }, 'note', 'eviction'],
  ] as const)('tells of %s', async ([, info, level, check]) => {
    const findings = await findingsOf(await redisThatSays({ ...healthy, ...info }), caches)
    const about = findings.filter((each) => each.check === check)
    expect(about.map((each) => each.level)).toEqual([level])
    if (level === 'warning' || level === 'critical') expect(about[0]?.advice).toMatch(/\w{3}/)
  })

  test('says under noeviction that what was cleared keeps its bytes until its ttl', async () => {
    const findings = await findingsOf(
      await redisThatSays({ ...healthy, maxmemory_policy: 'noeviction' }),
      caches,
    )
    expect(findings.find(({ check }) => check === 'eviction')?.says).toMatch(
      /what was cleared .* keeps its bytes until its ttl has passed/,
    )
  })

  test.for([
    [0, 'ok'],
    [30_000, 'warning'],
    [-30_000, 'warning'],
    [3_600_000, 'critical'],
  ] as const)('tells of a clock that is %i ms ahead: %s', async ([aheadMs, level]) => {
    const findings = await findingsOf(await redisThatSays(healthy, aheadMs), caches)
    expect(findings.filter(({ check }) => check === 'clock').map((each) => each.level)).toEqual([
      level,
    ])
  })

  test('tells of a real server that is nearly full', async () => {
    const server = await startRedis({
      config: { maxmemory: '8mb', 'maxmemory-policy': 'allkeys-lfu' },
    })
    onTestFinished(() => server.stop())
    for (let key = 0; key < 12; key++) await server.command('SET', `k${key}`, 'x'.repeat(500_000))
    const findings = await findingsOf({ redis: { host: '127.0.0.1', port: server.port } }, caches)
    expect(findings.find(({ check }) => check === 'memory')?.level).toMatch(/warning|critical/)
  })

  test('asks over TLS as the application would, and says what is wrong with a certificate', async () => {
    const certificates = makeCertificates()
    onTestFinished(() => certificates.remove())
    const over = async (certificate: Certificate, tls: object | true) => {
      const server = await startRedis({ tls: { ...certificate, caFile: certificates.caFile } })
      onTestFinished(() => server.stop())
      return findingsOf({ redis: { host: 'localhost', port: server.port, tls } }, caches)
    }
    const ours = { ca: `file:${certificates.caFile}` }
    const good = await over(certificates.good, ours)
    const levels = new Map(good.map(({ check, level }) => [check, level]))
    expect([levels.get('reachable'), levels.get('round trip')]).toEqual(['ok', 'ok'])
    for (const [certificate, words, tls] of [
      [certificates.expired, /its certificate has expired$/, ours],
      [certificates.wrongHost, /its certificate is for another host$/, ours],
      [certificates.selfSigned, /its certificate is self-signed; give it as tls\.ca$/, ours],
      [certificates.good, /signed by nobody that this machine trusts/, true],
    ] as const) {
      const findings = await over(certificate, tls)
      const reachable = findings.find(({ check }) => check === 'reachable')
      expect(reachable).toMatchObject({ level: 'critical', says: expect.stringMatching(words) })
      expect(findings.find(({ check }) => check === 'round trip')?.level).toBe('critical')
    }
  })

  test('tells of a Memcached without cas, and of sessions in one', async () => {
    const server = await startMemcached({ args: ['-C'] })
    onTestFinished(() => server.stop())
    const store = { memcached: { servers: [server.address] } }
    const secret = canarySecret('sessions')
    const findings = await findingsOf(store, {
      sessions: { web: { store: 'main', secrets: [secret], allowEviction: true } },
    })
    const told = findings.map(({ level, check }) => `${level} ${check}`)
    expect(told).toContain('critical cas')
    expect(told).toContain('critical eviction')
  })
})
