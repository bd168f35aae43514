import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { canarySecret } from '@holdfast/lab/canary'
import { leaksIn } from '@holdfast/lab/leak-scan'
import { startMemcached } from '@holdfast/lab/memcached-server'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import { startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import { type RedisServerOptions, startRedis } from '@holdfast/lab/redis-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as memcached from '../../adapters-memcached/src/index.ts'
import { run } from '../../core/src/doctor/run.ts'
import * as redis from '../src/index.ts'

/** What the doctor says of real servers. */

const password = canarySecret('doctor')

interface Report {
  readonly code: number
  readonly findings: readonly string[]
  readonly says: string
}

async function doctor(config: object, timeoutMs = 2_000): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'holdfast.json')
  writeFileSync(file, JSON.stringify(config))
  let out = ''
  let text = ''
  const ask = (args: string[], write: (text: string) => void) =>
    run([...args, '--timeout', String(timeoutMs), file], {
      write,
      writeError: write,
      env: { PASSWORD: password },
      directory: folder,
      importAdapter: async (name) => (name === '@holdfast/redis' ? redis : memcached),
    })
  const code = await ask(['--json'], (part) => {
    out += part
  })
  await ask([], (part) => {
    text += part
  })
  expect(leaksIn('doctor', out + text)).toEqual([])
  const { findings } = JSON.parse(out) as {
    findings: { level: string; part: string; check: string }[]
  }
  return {
    code,
    findings: findings.map(({ level, part, check }) => `${level} ${part} ${check}`),
    says: text,
  }
}

async function redisServer(config: Record<string, string>, more: Partial<RedisServerOptions> = {}) {
  const server = await startRedis({ config, ...more })
  onTestFinished(() => server.stop())
  return server
}

async function memcachedServer(...args: string[]) {
  const server = await startMemcached({ args })
  onTestFinished(() => server.stop())
  return server
}

const secrets = ['env:PASSWORD', 'env:PASSWORD']

describe('the doctor', () => {
  test('finds nothing critical in a deployment that is as it should be', async () => {
    const sessions = await redisServer({
      requirepass: password,
      maxmemory: '100mb',
      'maxmemory-policy': 'noeviction',
      appendonly: 'yes',
    })
    const cache = await redisServer({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lfu' })
    const api = await memcachedServer('-m', '64')
    const { code, findings, says } = await doctor({
      stores: {
        sessions: { redis: { host: '127.0.0.1', port: sessions.port, password: 'env:PASSWORD' } },
        cache: {
          redis: { host: '127.0.0.1', port: cache.port },
          capacity: { objects: 10_000, objectBytes: 1_000 },
        },
        api: { memcached: { ring: 'api' } },
      },
      rings: { api: { servers: [{ host: '127.0.0.1', port: api.port }] } },
      caches: { users: { store: 'cache' }, api: { store: 'api' } },
      sessions: { web: { store: 'sessions', secrets } },
      buses: { main: { redis: { host: '127.0.0.1', port: cache.port } } },
      fleet: { processes: 50 },
    })
    expect(findings).toContain('ok buses.main reachable')
    expect(says).toMatch(/^.*0 critical/m)
    expect(code).toBe(0)
    for (const check of ['reachable', 'version', 'eviction', 'memory', 'sockets', 'clock']) {
      expect(findings).toContain(`ok stores.sessions ${check}`)
      expect(findings).toContain(`ok stores.cache ${check}`)
      expect(findings).toContain(`ok stores.api ${check}`)
    }
    expect(findings).toContain('ok stores.cache capacity')
    for (const store of ['sessions', 'cache', 'api'])
      expect(findings).toContain(`ok stores.${store} round trip`)
    // There is one server, and sessions would want another.
    expect(findings).toContain('warning stores.sessions replicas')
  })

  test('says which server drops sessions, is full, grows without end or shares too much', async () => {
    const lru = await redisServer({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' })
    const { port } = await redisServer({})
    const small = await memcachedServer('-I', '512k', '-c', '100', '-M')
    const { code, findings, says } = await doctor({
      stores: {
        sessions: { redis: { host: '127.0.0.1', port: lru.port } },
        cache: { redis: { host: '127.0.0.1', port: lru.port } },
        endless: { redis: { host: '127.0.0.1', port } },
        api: {
          memcached: { servers: [small.address] },
          capacity: { objects: 6_000_000, objectBytes: 5_000 },
        },
      },
      caches: { a: { store: 'cache' }, b: { store: 'endless' }, c: { store: 'api' } },
      sessions: { web: { store: 'sessions', secrets } },
      fleet: { processes: 200 },
    })
    expect(code).toBe(1)
    expect(findings).toEqual(
      expect.arrayContaining([
        'critical stores.sessions eviction',
        'warning stores.sessions neighbours',
        'warning stores.sessions persistence',
        'warning stores.endless eviction',
        'warning stores.endless maxmemory',
        'critical stores.api item size',
        'critical stores.api sockets',
        'critical stores.api capacity',
        'warning stores.api eviction',
      ]),
    )
    expect(says).toContain('200 processes with 1 sockets each make 200 of 100')
    expect(says).toContain('-> set maxmemory-policy noeviction')
  })

  test('says why a server cannot be asked', async () => {
    const locked = await redisServer({ requirepass: canarySecret('another') })
    const paused = await redisServer({})
    paused.pause()
    onTestFinished(() => paused.resume())
    const at = (port: number, more: object = {}) => ({
      redis: { host: '127.0.0.1', port, ...more },
    })
    const { code, says } = await doctor(
      {
        stores: {
          nobody: at(1),
          wrong: at(locked.port, { password: 'env:PASSWORD' }),
          none: at(locked.port),
          hung: at(paused.port),
          clear: at(locked.port, { tls: { servername: 'localhost' } }),
        },
      },
      500,
    )
    expect(code).toBe(1)
    expect(says).toMatch(/stores\.nobody .*nobody listens there/)
    expect(says).toMatch(/stores\.wrong .*refuses the user name or the password/)
    expect(says).toMatch(/stores\.none .*it wants a password/)
    expect(says).toMatch(/stores\.hung .*no answer within 500 ms/)
    expect(says).toMatch(/stores\.clear .*cannot be asked/)
    expect(says).toMatch(/stores\.nobody: round trip: the store fails/)
  })

  test('knows a replica, and a node of a cluster that is spoken to alone', async () => {
    const primary = await redisServer({ maxmemory: '50mb', 'maxmemory-policy': 'allkeys-lfu' })
    const replica = await redisServer({ replicaof: `127.0.0.1 ${primary.port}` })
    const node = await redisServer({ 'cluster-enabled': 'yes' })
    const { findings, says } = await doctor({
      stores: {
        replica: { redis: { host: '127.0.0.1', port: replica.port } },
        node: { redis: { host: '127.0.0.1', port: node.port } },
      },
    })
    expect(findings).toContain('critical stores.replica role')
    expect(findings).toContain('critical stores.node role')
    expect(says).toContain('cluster: [addresses] in the place of host and port')
  })

  test('asks every primary of a cluster, and the one that sentinels name', async () => {
    const [cluster, group] = await Promise.all([startRedisCluster(), startSentinelGroup()])
    onTestFinished(async () => {
      await Promise.all([cluster.stop(), group.stop()])
    })
    const { code, says } = await doctor({
      stores: {
        cluster: { redis: { cluster: [cluster.addresses[0]] } },
        group: { redis: { sentinels: group.addresses, name: group.name } },
        misnamed: { redis: { sentinels: group.addresses, name: 'nobody' } },
      },
    })
    for (const { port } of cluster.primaries)
      expect(says).toContain(`stores.cluster (127.0.0.1:${port}): role: primary with 1 replicas`)
    const { port } = await group.primary()
    expect(says).toContain(`stores.group (127.0.0.1:${port}): role: primary with 2 replicas`)
    expect(says).toMatch(/ok .*stores\.cluster: round trip/)
    expect(says).toMatch(/ok .*stores\.group: round trip/)
    expect(says).toMatch(/stores\.misnamed: reachable: no sentinel names a primary/)
    expect(code).toBe(1)
  })

  test('is a command that takes the adapters of the folder in which it runs', async () => {
    const { port } = await redisServer({ maxmemory: '50mb', 'maxmemory-policy': 'allkeys-lfu' })
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'holdfast.yaml')
    writeFileSync(file, `stores: { a: { redis: { host: 127.0.0.1, port: ${port} } } }`)
    const from = (directory: string) =>
      promisify(execFile)(
        process.execPath,
        [
          '--conditions=holdfast-source',
          fileURLToPath(new URL('../../core/src/doctor/holdfast-doctor.ts', import.meta.url)),
          file,
        ],
        { cwd: directory, env: { PATH: process.env.PATH } },
      ).then(
        ({ stdout }) => ({ code: 0, stdout }),
        ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
      )
    const application = fileURLToPath(new URL('../../../examples/two-processes', import.meta.url))
    expect(await from(application)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ok .*stores\.a: round trip/),
    })
    expect(await from(folder)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`it cannot be loaded from ${folder}`),
    })
  })

  test('does without INFO and CONFIG, as managed services have it', async () => {
    const server = await redisServer(
      {},
      { users: [`app on >${password} ~* &* +@all -info -config -@admin`] },
    )
    const { code, findings } = await doctor({
      stores: {
        managed: {
          redis: {
            host: '127.0.0.1',
            port: server.port,
            username: 'app',
            password: 'env:PASSWORD',
          },
        },
      },
    })
    expect(code).toBe(0)
    expect(findings).toContain('note stores.managed info')
    expect(findings).toContain('ok stores.managed round trip')
  })
})
