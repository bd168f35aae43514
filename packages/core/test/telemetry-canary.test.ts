import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { canary, canaryKey } from '../../../lab/src/canary.ts'
import { leaksIn } from '../../../lab/src/leak-scan.ts'
import { createCache } from '../src/cache.ts'
import { StoreError } from '../src/errors.ts'
import { encryptedStore } from '../src/store/encrypted-store.ts'
import { memoryStore } from '../src/store/memory-store.ts'
import type { Store } from '../src/store/store.ts'
import { type AuditRecord, audit } from '../src/telemetry/audit.ts'
import { instrument } from '../src/telemetry/instrument.ts'
import type { MeterLike, ObserverLike, TracerLike } from '../src/telemetry/open-telemetry.ts'
import { readiness } from '../src/telemetry/probes.ts'
import { prometheus } from '../src/telemetry/prometheus.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'

/** Writes down whatever is handed to it. */
function recorder() {
  const said: unknown[] = []
  const collects: ((observer: ObserverLike) => void)[] = []
  const meter: MeterLike = {
    createHistogram: (...made) => {
      said.push(made)
      return { record: (...measured) => void said.push(measured) }
    },
    createObservableCounter: (...made) => made,
    createObservableGauge: (...made) => made,
    addBatchObservableCallback: (collect) => void collects.push(collect),
    removeBatchObservableCallback: () => {},
  }
  const tracer: TracerLike = {
    startActiveSpan: (name, options, run) => {
      said.push(name, options)
      return run({
        setAttribute: (...attribute) => void said.push(attribute),
        setStatus: (status) => void said.push(status),
        end: () => {},
      })
    },
  }
  const collect = () => {
    for (const each of collects) each({ observe: (...observed) => void said.push(observed) })
  }
  return { said, meter, tracer, collect }
}

/** A store whose credentials, answers and failures hold the secret. */
function tellTaleStore(): Store & { fails: boolean } {
  const inner = memoryStore()
  const store = {
    ...inner,
    password: canary,
    fails: false,
    get: (key: string) =>
      store.fails
        ? Promise.reject(
            new StoreError(`AUTH ${canary} was refused`, {
              kind: 'auth',
              cause: new Error(canary),
            }),
          )
        : inner.get(key),
    getMany: undefined as never,
    metrics: async () => {
      if (store.fails) throw new Error(`${canary} at 10.0.0.1`)
      return { connections: 1, usedBytes: 5, [canary]: canary }
    },
  }
  return store
}

test('a secret in credentials, options, keys, tags, values and errors is in nothing that telemetry tells', async () => {
  const clock = fakeClock()
  const inner = tellTaleStore()
  const keys = [{ id: 'k1', secret: canaryKey('telemetry') }]
  const cache = createCache({
    name: 'shop',
    clock,
    store: encryptedStore(inner, { keys }),
    policies: { [`${canary}:*`]: { ttl: '1h' } },
  })
  cache.on('error', () => {})
  const { said, meter, tracer, collect } = recorder()
  const health: unknown[] = []
  const onHealth = (message: unknown) => void health.push(message)
  channel('holdfast:health').subscribe(onHealth)
  const records: AuditRecord[] = []
  const ends = [
    instrument(cache, { meter, tracer }),
    audit({ caches: cache }, (record) => records.push(record)),
  ]
  const texts = [prometheus(cache)]

  const key = `user:${canary}`
  await cache.wrap(key, () => canary, { tags: [canary] })
  await cache.wrapMany([key, `${canary}:2`], () => [canary])
  await cache.wrap(`${canary}:3`, () => Promise.reject(new Error(canary))).catch(() => {})
  const thrown = Object.assign(new Error(canary), { name: 'TypeError' })
  await cache.wrap(`${canary}:4`, () => Promise.reject(thrown)).catch(() => {})
  await cache.expireTags([canary])
  await cache.invalidateTags([canary])
  await cache.namespace(canary).clear()
  texts.push(JSON.stringify(await cache.health()))
  await clock.advance('5m')
  texts.push(prometheus(cache), JSON.stringify(await cache.health()))
  inner.fails = true
  for (let call = 0; call < 10; call++) await cache.wrap(`${canary}:out ${call}`, () => canary)
  await clock.advance('5m')
  collect()
  texts.push(
    prometheus(cache),
    JSON.stringify(await cache.health()),
    JSON.stringify(readiness(cache)),
    JSON.stringify(said),
    JSON.stringify(records),
    JSON.stringify(health),
  )
  for (const end of ends) end()
  channel('holdfast:health').unsubscribe(onHealth)

  // There was something to tell.
  expect(texts.join('\n')).toContain('holdfast_server_connections{cache="shop"')
  expect(said.length).toBeGreaterThan(50)
  expect(records.map(({ event }) => event)).toEqual(
    expect.arrayContaining(['auth_failed', 'admin_clear']),
  )
  expect(health.length).toBeGreaterThan(0)
  expect(texts.flatMap((text) => leaksIn('telemetry', text))).toEqual([])
  await cache.close()
})
