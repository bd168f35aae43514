import { createServer } from 'node:net'
import { createCache, encryptedStore, type Store } from '@holdfast/core'
import { type AuditRecord, audit, prometheus } from '@holdfast/core/telemetry'
import { canary, canaryKey, canarySecret } from '@holdfast/lab/canary'
import { makeCertificates } from '@holdfast/lab/certificates'
import { startFakeRedis } from '@holdfast/lab/fake-redis'
import { type RedisServerOptions, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { slotOf } from '../src/hash-slot.ts'
import { type RedisStoreOptions, redisStore } from '../src/index.ts'

/* What real servers refuse, and what somebody else writes into them, as the audit stream tells it. */

const certificates = makeCertificates()
afterAll(() => certificates.remove())

async function server(options: RedisServerOptions = {}) {
  const started = await startRedis(options)
  onTestFinished(() => started.stop())
  return started
}

/** A cache over a store, and what the audit stream tells of it. */
function audited(store: Store & { close(): Promise<void> }) {
  // On a busy machine a refusal may come late, and is told by the call that it comes to.
  const patient = { failuresInARow: 10_000, minimumOperations: 10_000 }
  const resilience = { storeTimeout: '10s', breaker: patient } as const
  const cache = createCache({ name: 'shop', store, memory: false, bus: false, resilience })
  // What an application would log is no matter here.
  cache.on('error', () => {})
  const records: AuditRecord[] = []
  const end = audit({ caches: cache }, (record) => records.push(record))
  onTestFinished(async () => {
    end()
    await cache.close()
    await store.close()
  })
  const events = () => [...new Set(records.map(({ event }) => event))]
  return { cache, records, events }
}

const ofRedis = (options: RedisStoreOptions) => audited(redisStore(options))

async function expectTold(
  { cache, records, events }: ReturnType<typeof audited>,
  event: AuditRecord['event'],
) {
  const asked = async () => {
    expect(await cache.wrap('key', () => 'value')).toBe('value')
    return events()
  }
  await expect.poll(asked, { timeout: 40_000, interval: 200 }).toContain(event)
  expect(JSON.stringify(records)).not.toMatch(new RegExp(`${canary}|127\\.0\\.0\\.1|localhost|key`))
  for (const record of records) expect(record).toMatchObject({ source: 'cache', name: 'shop' })
}

describe('the audit stream tells of', () => {
  test('a password that is refused', async () => {
    const { port } = await server({ config: { requirepass: canarySecret('right') } })
    await expectTold(ofRedis({ port, password: canarySecret('wrong') }), 'auth_failed')
  })

  test('a command that this user may not use', async () => {
    const password = canarySecret('anna')
    const { port } = await server({ users: [`anna on >${password} ~* &* +ping +hello +client`] })
    await expectTold(ofRedis({ port, username: 'anna', password }), 'access_denied')
  })

  test.each([
    ['expired', () => certificates.expired],
    ['of another host', () => certificates.wrongHost],
    ['signed by nobody', () => certificates.selfSigned],
  ])('a certificate that is %s', async (_, certificate) => {
    const { port } = await server({ tls: { ...certificate(), caFile: certificates.caFile } })
    const told = ofRedis({ host: 'localhost', port, tls: { ca: certificates.ca } })
    await expectTold(told, 'tls_refused')
  })

  test('a node that sends everybody to what is no node of its cluster, where nobody goes', async () => {
    let connections = 0
    const stranger = createServer((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void stranger.close())
    const { port: elsewhere } = stranger.address() as { port: number }
    const liar = await startFakeRedis()
    onTestFinished(() => liar.stop())
    liar.answerWith((command, args) => {
      if (command === 'CLUSTER')
        return `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:${liar.port}\r\n`
      if (!['MGET', 'GET', 'SET', 'DEL', 'EVALSHA'].includes(command)) return undefined
      const key = String(args[command === 'EVALSHA' ? 2 : 0])
      return `-MOVED ${slotOf(key)} 127.0.0.1:${elsewhere}\r\n`
    })
    const told = ofRedis({ cluster: [{ host: '127.0.0.1', port: liar.port }] })
    await expectTold(told, 'foreign_redirect')
    expect(connections).toBe(0)
  })

  test('what somebody else has put under a key: in clear, or of another key', async () => {
    const { port, command } = await server()
    const keys = [{ id: '1', secret: canaryKey('audit') }]
    const inner = redisStore({ port })
    const sealed = encryptedStore(inner, { keys })
    const { cache, events, records } = audited(
      Object.assign(sealed, { close: () => inner.close() }) as typeof sealed & {
        close(): Promise<void>
      },
    )
    await cache.set('one', canary)
    await cache.set('two', canary)
    const [one, two] = ['shop:one', 'shop:two']
    expect(await command('EXISTS', one)).toBe(1)
    await command('COPY', one, two, 'REPLACE')
    expect(await cache.get('two')).toBeUndefined()
    await command('SET', one, `planted ${canary}`)
    expect(await cache.get('one')).toBeUndefined()
    expect(events()).toEqual(['decrypt_failed'])
    expect(new Set(records.map(({ reason }) => reason))).toEqual(new Set(['damaged', 'plaintext']))
    expect(JSON.stringify(records)).not.toContain(canary)
    expect(prometheus(cache)).toContain('holdfast_refused_total{cache="shop"} 2\n')
  })
})
