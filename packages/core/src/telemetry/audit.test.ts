import { channel } from 'node:diagnostics_channel'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { canary, canaryKey, canarySecret } from '../../../../lab/src/canary.ts'
import { createCache } from '../cache.ts'
import { watchConfig } from '../config/watch-config.ts'
import { StoreError } from '../errors.ts'
import { type Ties, ties } from '../observe/ties.ts'
import { createSessions } from '../session/sessions.ts'
import { encryptedStore } from '../store/encrypted-store.ts'
import { memoryStore } from '../store/memory-store.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { faultyStore } from '../testing/faulty-store.ts'
import { type AuditRecord, audit } from './audit.ts'
import { securityEvents } from './security-events.ts'

const secret = canaryKey('k1').toString('base64')

test('bytes that an encrypted store does not believe are a record, without key or value', async () => {
  const clock = fakeClock()
  const inner = memoryStore()
  const store = encryptedStore(inner, { keys: [{ id: 'k1', secret: canaryKey('k1') }] })
  const cache = createCache({ name: 'shop', clock, store, bus: false })
  const records: AuditRecord[] = []
  const end = audit({ caches: cache }, (record) => records.push(record))
  await cache.set(`user:${canary}`, canarySecret('value'))
  for await (const key of inner.list?.('') ?? [])
    if (key.includes(canary)) await inner.set(key, Buffer.from('planted in clear'), { ttlMs: 1e6 })
  cache.namespace('x')
  await clock.advance('31s')
  await cache.get(`user:${canary}`)
  expect(records).toEqual([
    {
      schemaVersion: 1,
      at: '2026-01-01T00:00:31.000Z',
      event: 'decrypt_failed',
      source: 'cache',
      name: 'shop',
      reason: 'plaintext',
      count: 1,
    },
  ])
  expect(JSON.stringify(records)).not.toMatch(new RegExp(`${canary}|planted`))
  expect(JSON.stringify(records)).not.toContain(secret)
  end()
  await cache.close()
})

test('what goes on is told at once, then every ten seconds with its count, then no more', async () => {
  const clock = fakeClock()
  const cache = createCache({ name: 'shop', clock })
  const records: AuditRecord[] = []
  const published: unknown[] = []
  const onMessage = (message: unknown) => void published.push(message)
  channel('holdfast:security').subscribe(onMessage)
  const end = audit({ caches: cache }, (record) => records.push(record))
  for (let call = 0; call < 100; call++) await cache.clear()
  expect(records.map(({ event, count }) => [event, count])).toEqual([['admin_clear', 1]])
  await clock.advance('10s')
  expect(records.map(({ count }) => count)).toEqual([1, 99])
  await clock.advance('10m')
  expect(records).toHaveLength(2)
  expect(clock.pendingTimers).toBe(0)
  await cache.clear()
  await cache.clear()
  end()
  expect(records.map(({ count }) => count)).toEqual([1, 99, 1, 1])
  expect(published).toEqual(records)
  await cache.clear()
  expect(records).toHaveLength(4)
  channel('holdfast:security').unsubscribe(onMessage)
  await cache.close()
  expect(clock.pendingTimers).toBe(0)
})

test.for([
  ['auth', {}, 'auth_failed'],
  ['auth', { code: 'CERT_HAS_EXPIRED' }, 'tls_refused'],
  ['denied', {}, 'access_denied'],
  ['protocol', { name: 'FalseRedirection' }, 'foreign_redirect'],
] as const)('a store that fails with %s, cause %j, is %s', async ([kind, marks, event]) => {
  const clock = fakeClock()
  const cause = Object.assign(new Error(canarySecret('password')), marks)
  const failing = () => Promise.reject(new StoreError(canarySecret('password'), { kind, cause }))
  const store = { ...memoryStore(), get: failing, getMany: failing }
  const cache = createCache({ name: 'shop', clock, store, bus: false })
  cache.on('error', () => {})
  const records: AuditRecord[] = []
  const end = audit({ caches: cache }, (record) => records.push(record))
  await cache.wrap('key', () => 1)
  expect(records.map((record) => record.event)).toContain(event)
  expect(JSON.stringify(records)).not.toContain(canary)
  end()
  await cache.close()
})

test.for([
  ['address', 'ssrf_blocked'],
  ['redirect', 'foreign_redirect'],
  ['mac', 'mac_failed'],
  ['key', 'key_echo_mismatch'],
  ['integrity', 'integrity_failed'],
] as const)(
  'a refusal for its %s is %s; for a reason that nobody listed it is nothing',
  ([reason, event]) => {
    const cache = createCache({ name: 'shop', clock: fakeClock() })
    const records: AuditRecord[] = []
    const end = audit({ caches: cache }, (record) => records.push(record))
    const told = (cache as unknown as { [ties]: Ties })[ties]
    const tell = (why: string) => told.tell({ event: 'refused', key: 'url', reason: why })
    for (const why of [reason, canarySecret('reason'), 'constructor', '__proto__']) tell(why)
    expect(records).toMatchObject([{ event, reason, count: 1 }])
    end()
  },
)

test('forged cookies, unknown ids and damaged sessions are told by what their counters moved', async () => {
  const clock = fakeClock()
  const stats = { rejected: 5, unknown: 0, damaged: 0, erased: 0 }
  const records: AuditRecord[] = []
  const sessions = { login: { stats: () => ({ ...stats }) } }
  const end = audit({ sessions, clock }, (record) => records.push(record))
  stats.rejected += 3
  stats.unknown += 1
  await clock.advance('10s')
  expect(records).toMatchObject([
    { event: 'session_tampered', source: 'session', name: 'login', count: 3 },
    { event: 'session_fixation_blocked', source: 'session', name: 'login', count: 1 },
  ])
  // As after a change of the configuration, which begins to count anew.
  Object.assign(stats, { rejected: 2, unknown: 0 })
  await clock.advance('10s')
  expect(records.at(-1)).toMatchObject({ event: 'session_tampered', count: 2 })
  stats.damaged += 1
  end()
  expect(records.at(-1)).toMatchObject({ event: 'session_damaged', count: 1 })
  expect(clock.pendingTimers).toBe(0)
})

test('a user whose sessions are all ended is told of, without who; one that keeps a session is not', async () => {
  const clock = fakeClock()
  const sessions = createSessions({
    store: memoryStore({ clock }),
    secrets: [canarySecret('sessions')],
    ttl: '7d',
    clock,
  })
  const records: AuditRecord[] = []
  const end = audit({ sessions: { login: sessions }, clock }, (record) => records.push(record))
  await sessions.destroyAll('canary-user', { except: 'this one' })
  await clock.advance('10s')
  expect(records).toEqual([])
  await sessions.destroyAll('canary-user')
  await clock.advance('10s')
  expect(records).toMatchObject([
    { event: 'subject_erased', source: 'session', name: 'login', count: 1 },
  ])
  expect(JSON.stringify(records)).not.toContain(canary)
  end()
})

test('a store of sessions that refuses the login, or holds bytes that nobody here wrote, is told of', async () => {
  const clock = fakeClock()
  const inner = faultyStore(memoryStore({ clock }), { clock, faults: [] })
  const keys = [{ id: 'k1', secret: canaryKey('sessions') }]
  const store = encryptedStore(inner, { keys })
  const sessions = createSessions({
    store,
    secrets: [canarySecret('cookie')],
    ttl: '7d',
    clock,
    retryFor: 0,
    cookie: { secure: false },
  })
  const records: AuditRecord[] = []
  const warned: unknown[] = []
  const onWarning = (warning: Error) => void warned.push((warning as { code?: string }).code)
  process.on('warning', onWarning)
  const end = audit({ sessions: { login: sessions }, stores: { safe: store }, clock }, (record) =>
    records.push(record),
  )
  let cookie = ''
  const visit = async () => {
    const request = new Request('http://x/', { headers: { cookie } })
    const response = await sessions.handle(request, async (_, session) => {
      session.set('a', 1)
      return new Response('')
    })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response.status
  }
  expect(await visit()).toBe(200)
  for await (const key of inner.list!('session:'))
    await inner.set(key, Buffer.from(`{"planted":"${canary}"}`), { ttlMs: 1e6 })
  expect(await visit()).toBe(200)
  const cause = new StoreError('the password was refused', { kind: 'auth' })
  inner.play([{ kind: 'reject', error: cause }])
  expect(await visit()).toBe(503)
  expect(records.map(({ event, source, name }) => [event, source, name])).toEqual([
    ['decrypt_failed', 'store', 'safe'],
    ['auth_failed', 'session', 'login'],
  ])
  // Nobody else listens to the failures of these sessions: they are warned of as ever.
  await expect.poll(() => warned, { timeout: 20_000 }).toContain('HOLDFAST_SESSION')
  end()
  process.off('warning', onWarning)
  expect(JSON.stringify(records)).not.toMatch(new RegExp(`${canary}|session:`))
})

test('a change of a watched configuration is told of by the kinds of its parts, without what it says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'app.json')
  const config = (ttl: string) => ({
    stores: { canary: { memory: {} } },
    caches: {
      'canary-a': { store: 'canary', defaults: { ttl } },
      'canary-b': { defaults: { ttl } },
    },
  })
  writeFileSync(file, JSON.stringify(config('1m')))
  const watched = await watchConfig({ file, env: {} }, {}, { poll: Infinity })
  onTestFinished(() => watched.close({ drain: 0 }))
  const clock = fakeClock()
  const records: AuditRecord[] = []
  const end = audit({ configs: { app: watched }, clock }, (record) => records.push(record))
  await watched.reload()
  expect(records).toEqual([])
  writeFileSync(file, JSON.stringify(config('2m')))
  // The machine may have told of the change before: then there is nothing left to do.
  await watched.reload()
  expect(records).toEqual([
    {
      schemaVersion: 1,
      at: '2026-01-01T00:00:00.000Z',
      event: 'config_changed',
      source: 'config',
      name: 'app',
      reason: 'caches',
      count: 1,
    },
  ])
  // One that is refused is told of, too, and still warned of where nobody else listens.
  const warned: unknown[] = []
  const onWarning = (warning: Error) => void warned.push((warning as { code?: string }).code)
  process.on('warning', onWarning)
  writeFileSync(file, '{"caches": {')
  await expect(watched.reload()).rejects.toThrow('expected')
  expect(records.slice(1)).toMatchObject([{ event: 'config_refused', source: 'config', count: 1 }])
  await expect.poll(() => warned, { timeout: 20_000 }).toContain('HOLDFAST_CONFIG_REFUSED')
  process.off('warning', onWarning)
  records.pop()
  end()
  writeFileSync(file, JSON.stringify(config('3m')))
  await watched.reload()
  await clock.advance('1m')
  expect(records).toHaveLength(1)
  expect(clock.pendingTimers).toBe(0)
})

test('the page of operations has every event, and no other', () => {
  const page = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8')
  const section = page.slice(page.indexOf('## The audit stream'), page.indexOf('## Runbooks'))
  const named = [...section.matchAll(/^\| `(\w+)` *\|/gm)].map(([, name]) => name)
  expect(named.sort()).toEqual([...securityEvents])
})

test('a writer that throws changes nothing for the cache', async () => {
  const cache = createCache({ name: 'shop', clock: fakeClock() })
  const warned: unknown[] = []
  const onWarning = (warning: Error) => void warned.push((warning as { code?: string }).code)
  process.on('warning', onWarning)
  const end = audit({ caches: cache }, () => {
    throw new Error(canary)
  })
  await cache.clear()
  await new Promise((resolve) => setImmediate(resolve))
  expect(warned).toContain('HOLDFAST_AUDIT')
  process.off('warning', onWarning)
  end()
  await cache.close()
})

test('audit refuses what it does not know', () => {
  expect(() => audit({ cache: {} } as never, () => {})).toThrow("did you mean 'caches'")
  expect(() => audit({}, undefined as never)).toThrow('write of audit(sources, write)')
})
