import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { createCache } from '../../src/cache.ts'
import { createSessions } from '../../src/session/sessions.ts'
import { shardedStore } from '../../src/sharding/sharded-store.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { prometheus } from '../../src/telemetry/prometheus.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

const secrets = [canarySecret('sessions')]
const rules = fileURLToPath(new URL('../../../../docs/alerts/holdfast.rules.yml', import.meta.url))

/** What Prometheus's own parser and linter say of the text; nothing where they are content. */
function lint(text: string): string {
  try {
    const options = { input: text, encoding: 'utf8', stdio: 'pipe' } as const
    return execFileSync('promtool', ['check', 'metrics'], options)
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    return `${stdout}${stderr}` || String(error)
  }
}

test('promtool accepts the text, with several caches, servers, histograms and an awkward name', async () => {
  const clock = fakeClock()
  const servers = ['10.0.0.1:11211', '10.0.0.2:11211'].map((name) => ({
    name,
    weight: 1,
    store: memoryStore(),
  }))
  const store = shardedStore({ clock, servers })
  const caches = [
    createCache({ name: 'over', clock, store }),
    createCache({ name: 'quo"te\\back\nline {é}', clock }),
  ]
  prometheus(caches)
  for (const cache of caches) {
    await cache.wrap('key', () => 1)
    await cache.wrap('bad', () => Promise.reject(new Error('no'))).catch(() => {})
    await cache.health()
  }
  await clock.advance('5s')
  const sessions = createSessions({ store: memoryStore({ clock }), secrets, ttl: '7d', clock })
  const text = prometheus(caches, { sessions: { login: sessions } })
  for (const name of [
    'holdfast_session_events_total',
    'holdfast_ring_nodes',
    'holdfast_store_operations_total',
    'holdfast_entry_size_bytes_bucket',
    'holdfast_bus_lag_seconds_bucket',
    'db_client_operation_duration_seconds_bucket',
  ])
    expect(text).toContain(`\n${name}{`)
  expect(text).toContain('holdfast_load_duration_seconds_bucket')
  expect(text).toContain('server="10.0.0.2:11211"')
  expect(lint(text)).toBe('')
  // The linter does notice what is wrong.
  expect(lint(`${text}holdfast_loads_total{cache=over} 1\n`)).not.toBe('')
  for (const cache of caches) await cache.close()
  await store.close?.()
})

test('promtool accepts the alert rules', () => {
  expect(execFileSync('promtool', ['check', 'rules', rules], { encoding: 'utf8' })).toContain(
    'SUCCESS: 20 rules found',
  )
})

test('the alert rules fire past a threshold for five minutes, and not on it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-rules-'))
  const series = (name: string, labels: string, values: string) => ({
    series: `${name}{cache="shop"${labels}}`,
    values,
  })
  const expects = (alertname: string, minute: number, ...labels: object[]) => ({
    eval_time: `${minute}m`,
    alertname,
    exp_alerts: labels.map((own) => ({ exp_labels: { severity: 'page', cache: 'shop', ...own } })),
  })
  const each = [
    // 1,000 evictions a minute are on the threshold; 1,020 are past it.
    {
      input: [series('holdfast_server_evictions_total', ',server="a"', '0+1000x20')],
      alert: expects('HoldfastEvictionsPerMinCritical', 15),
    },
    {
      input: [series('holdfast_server_evictions_total', ',server="a"', '0+1020x20')],
      alert: expects('HoldfastEvictionsPerMinCritical', 15, { server: 'a' }),
    },
    {
      input: [series('holdfast_server_replication_lag_seconds', ',server="a"', '5x20')],
      alert: expects('HoldfastReplicationLagSCritical', 10),
    },
    {
      input: [series('holdfast_server_replication_lag_seconds', ',server="a"', '5.1x20')],
      alert: expects('HoldfastReplicationLagSCritical', 4),
    },
    {
      input: [series('holdfast_server_replication_lag_seconds', ',server="a"', '5.1x20')],
      alert: expects('HoldfastReplicationLagSCritical', 6, { server: 'a' }),
    },
    {
      input: [
        series('holdfast_requests_total', ',outcome="hit"', '0+590x20'),
        series('holdfast_requests_total', ',outcome="miss"', '0+410x20'),
      ],
      alert: expects('HoldfastHitRateCritical', 15, {}),
    },
    // 50 of 1,000 are on the threshold; 51 are past it.
    {
      input: [
        series('holdfast_store_operations_total', ',outcome="ok"', '0+950x20'),
        series('holdfast_store_operations_total', ',outcome="failed"', '0+50x20'),
      ],
      alert: expects('HoldfastStoreErrorRateCritical', 15),
    },
    {
      input: [
        series('holdfast_store_operations_total', ',outcome="ok"', '0+949x20'),
        series('holdfast_store_operations_total', ',outcome="failed"', '0+51x20'),
      ],
      alert: expects('HoldfastStoreErrorRateCritical', 15, {}),
    },
    // Too few to say anything.
    {
      input: [
        series('holdfast_requests_total', ',outcome="hit"', '0+59x20'),
        series('holdfast_requests_total', ',outcome="miss"', '0+41x20'),
      ],
      alert: expects('HoldfastHitRateCritical', 15),
    },
    {
      input: [series('holdfast_health', ',check="store_out_s"', '2x20')],
      alert: expects('HoldfastStoreOutSCritical', 1, {}),
    },
  ]
  try {
    const file = join(folder, 'rules-test.yml')
    const tests = each.map(({ input, alert }) => ({
      interval: '1m',
      input_series: input,
      alert_rule_test: [alert],
    }))
    // Of annotations nothing is said, so rules are tested without them. JSON is YAML.
    const bare = execFileSync('sed', ['-E', '/^ +(annotations|summary|runbook):/d', rules])
    writeFileSync(join(folder, 'bare.yml'), bare)
    writeFileSync(
      file,
      JSON.stringify({ rule_files: ['bare.yml'], evaluation_interval: '1m', tests }),
    )
    const said = execFileSync('promtool', ['test', 'rules', file], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    expect(said).toContain('SUCCESS')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
